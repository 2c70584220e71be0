"""Commands of a person who judges: they object, approve, rewrite what the critic said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentfix.errors import InputError
from agentfix.repl.commands.command import Command
from agentfix.repl.conversation import Conversation, is_a_critics

if TYPE_CHECKING:
    from agentfix.journal import RunStory
    from agentfix.types import Critique

_GOOD, _BAD = "supports", "refutes"


async def _challenge(argument: str, conversation: Conversation) -> None:
    if not argument:
        raise InputError("/challenge needs your objection.", "Write what is wrong: /challenge TEXT")
    await conversation.challenge(argument)


async def _edit(argument: str, conversation: Conversation) -> None:
    if argument in ("on", "off"):
        conversation.edits = argument == "on"
        conversation.say("You are given each critique before the answer is revised." if conversation.edits else
                         "Answers are revised without asking you.")
        return
    if argument:
        raise InputError(f"{argument!r} is neither on nor off.", "Write: /edit, /edit on, or /edit off")
    critique = _latest(await conversation.story())
    if critique is None:
        raise InputError("No critic asked for a revision in the latest run.", "Object yourself: /challenge TEXT")
    await conversation.edit(critique)


def _latest(story: RunStory) -> Critique | None:
    """What a critic said last that a reviser could be told."""
    return next((each for each in reversed(story.critiques) if is_a_critics(each)), None)


async def _approve(argument: str, conversation: Conversation) -> None:
    await conversation.remark(_GOOD, argument)


async def _bad(argument: str, conversation: Conversation) -> None:
    await conversation.remark(_BAD, argument)


async def _reason(argument: str, conversation: Conversation) -> None:
    if not argument:
        raise InputError("/reason needs a text.", "Write why the answer is good or bad: /reason TEXT")
    polarity: Any = conversation.remarked
    if polarity is None:
        raise InputError("You have not said yet whether the answer is good.", "Say first: /good, or /bad")
    await conversation.remark(polarity, argument)


COMMANDS = (
    Command("challenge", "TEXT", "Object: your word is evidence against the answer, and it is revised.", _challenge),
    Command("edit", "[on|off]", "Rewrite what the critic said, and have the answer revised by that; on: before each "
            "revision.", _edit, lambda conversation: ("on", "off")),
    Command("approve", "[TEXT]", "Say that the answer is right: evidence for it.", _approve),
    Command("good", "[TEXT]", "Say that the answer is right: evidence for it. The same as /approve.", _approve),
    Command("bad", "[TEXT]", "Say that the answer is wrong, without having it revised.", _bad),
    Command("reason", "TEXT", "Say why it is good or bad; kept with your word on the answer.", _reason),
)
