"""Commands that choose how answers come about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from agentfix.errors import InputError, UnknownNameError
from agentfix.repl.commands.command import Command
from agentfix.repl.conversation import Conversation, names_of

DEFAULT = "default"
"""Takes a change back."""
_LIMITS = ("rounds", "model_calls", "tool_calls", "tokens", "cost", "seconds")


def _require(conversation: Conversation, part: Any, name: str) -> None:
    """Raises UnknownNameError: there is no part of that name, whatever follows its colon."""
    known = names_of(conversation.plugins, part)
    if name.partition(":")[0] not in known:
        raise UnknownNameError(part, name, known)


def _one(setting: str, part: Any) -> Callable[[str, Conversation], Awaitable[None]]:
    """A command that shows a setting, or changes it."""

    async def run(argument: str, conversation: Conversation) -> None:
        if argument == DEFAULT:
            conversation.change(setting, None)
        elif argument:
            if argument != "auto":
                _require(conversation, part, argument)
            conversation.change(setting, argument)
        _show(conversation, setting)

    return run


def _show(conversation: Conversation, setting: str) -> None:
    value: str | tuple[str, ...] | None = getattr(conversation.settings, setting)
    told = ", ".join(value) if isinstance(value, tuple) else value
    conversation.say(f"{setting.replace('_', ' ')}: {told or 'none'}")
    if setting == "strategy" and not conversation.state.verify:
        conversation.say("Answers are not checked now, whatever strategy is chosen: /verify on changes that.")


def _parts(part: Any, *more: str) -> Callable[[Conversation], Iterable[str]]:
    return lambda conversation: (*more, *names_of(conversation.plugins, part), DEFAULT)


async def _model(argument: str, conversation: Conversation) -> None:
    from agentfix.settings import split_model  # noqa: PLC0415 - the first prompt comes first

    words = argument.split()
    setting = "critic_model" if words[:1] == ["critic"] else "model"
    name = " ".join(words[1:] if setting == "critic_model" else words)
    if name == DEFAULT:
        conversation.change(setting, None)
    elif name:
        _require(conversation, "model", split_model(name)[0])
        conversation.change(setting, name)
    _show(conversation, "model")
    if conversation.settings.critic_model:
        _show(conversation, "critic_model")


def _models(conversation: Conversation) -> Iterable[str]:
    from agentfix.models.catalog import open_catalogue  # noqa: PLC0415 - loads the HTTP client

    known = open_catalogue(conversation.settings).known
    endpoints = (f"openai:MODEL@{name}" for name in conversation.settings.endpoints)
    return (*known, *endpoints, "critic", DEFAULT)


def _several(setting: str, part: Any) -> Callable[[str, Conversation], Awaitable[None]]:
    """A command that puts names onto a list or takes them off it."""

    async def run(argument: str, conversation: Conversation) -> None:
        words, listed = argument.split(), getattr(conversation.settings, setting)
        if words == [DEFAULT]:
            conversation.change(setting, None)
        elif words:
            for word in words:
                name = word.lstrip("+-")
                if not word.startswith("-"):
                    _require(conversation, part, name.partition("__")[0] if part == "tool" else name)
                listed = tuple(each for each in listed if each != name)
                listed = listed if word.startswith("-") else (*listed, name)
            conversation.change(setting, listed)
        _show(conversation, setting)

    return run


async def _tools(argument: str, conversation: Conversation) -> None:
    word, _, name = argument.partition(" ")
    if word in ("ask", "always"):
        if not name:
            raise InputError(f"/tools {word} needs a tool.", f"Write: /tools {word} NAME")
        (conversation.permissions.forget if word == "ask" else conversation.permissions.allow)(name.strip())
        conversation.refresh()
        conversation.say(f"You are {'asked' if word == 'ask' else 'not asked'} here before {name.strip()} runs.")
    else:
        await _several("tools", "tool")(argument, conversation)
    allowed = conversation.permissions.tools()
    if allowed:
        conversation.say(f"never asked about here: {', '.join(allowed)} (/tools ask NAME changes that)")


async def _budget(argument: str, conversation: Conversation) -> None:
    match argument.split():
        case []:
            pass
        case [limit, value] if limit in _LIMITS:
            conversation.change(f"max_{limit}", _limit(limit, value))
        case [limit, *_] if limit not in _LIMITS:
            raise UnknownNameError("limit", limit, _LIMITS)
        case _:
            raise InputError("A limit needs a number.", "Write for example: /budget seconds 60")
    settings = conversation.settings
    told = {limit.replace("_", " "): getattr(settings, f"max_{limit}") for limit in _LIMITS}
    conversation.say("for each question at most: " + (
        ", ".join(f"{value:,g} {limit}" for limit, value in told.items() if value is not None) or "no limit"))
    spent = conversation.spent
    if spent is not None:
        cost = "" if not spent.cost else f", cost {spent.cost:.4f}"
        conversation.say(f"spent so far: {spent.tokens:,} tokens, {spent.model_calls} model calls{cost}")


def _limit(limit: str, value: str) -> int | float | None:
    if value == DEFAULT:
        return None
    try:
        return float(value) if limit in ("cost", "seconds") else int(value)
    except ValueError:
        raise InputError(f"{value!r} is no number.", f"Write for example: /budget {limit} 8") from None


async def _verify(argument: str, conversation: Conversation) -> None:
    if argument not in ("", "on", "off"):
        raise InputError(f"{argument!r} is neither on nor off.", "Write: /verify on, or /verify off")
    if argument:
        conversation.session.note("set", name="verify", value=argument == "on")
        conversation.refresh()
    on = conversation.state.verify
    conversation.say(f"answers are checked, with strategy {conversation.settings.strategy}" if on else
                     "answers are not checked: nothing but the model's word is behind them")


COMMANDS = (
    Command("model", "[critic] NAME", "Show or change the model that answers, or the one that criticises.", _model,
            _models),
    Command("critic", "[-]NAME ...", "Ask further critics; -NAME leaves one out again.", _several("critics", "critic"),
            _parts("critic")),
    Command("strategy", "NAME", "What to do next, and when to stop.", _one("strategy", "strategy"), _parts("strategy")),
    Command("kind", "NAME", "The sort of the tasks; auto finds out.", _one("kind", "kind"), _parts("kind", "auto")),
    Command("tools", "[-]NAME ...", "What the model may act with; /tools always|ask NAME: whether you are asked.",
            _tools, _parts("tool", "ask", "always")),
    Command("sandbox", "NAME", "Where programs run.", _one("sandbox", "sandbox"), _parts("sandbox")),
    Command("budget", "LIMIT NUMBER", "Show or change the limits of a question, and see what was spent.", _budget,
            lambda conversation: _LIMITS),
    Command("verify", "on|off", "Whether answers are checked.", _verify, lambda conversation: ("on", "off")),
)
