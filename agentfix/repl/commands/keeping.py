"""Commands that keep a conversation, go on with another one, and write down what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agentfix.cli.words import count
from agentfix.errors import InputError
from agentfix.repl.commands.command import Command
from agentfix.repl.conversation import Conversation
from agentfix.repl.transcript import transcript


async def _save(argument: str, conversation: Conversation) -> None:
    if argument:
        conversation.session.rename(argument)
    conversation.say(f"Kept as {conversation.session.name}. Go on with it: agentfix repl --resume "
                     f"{conversation.session.name}")


async def _load(argument: str, conversation: Conversation) -> None:
    if not argument:
        for name in conversation.sessions.names():
            turns = conversation.sessions.read(name).turns
            conversation.say(f"{name}  {len(turns)} questions  {' '.join(turns[0].question.split())[:60]}"
                             if turns else f"{name}  nothing asked")
        return
    if argument == conversation.session.name:
        raise InputError("That is this conversation.", "See the others: /load")
    conversation.go_to(conversation.sessions.open(argument))
    conversation.say(f"Now in {conversation.session.name}, with {len(conversation.state.turns)} questions.")


def _names(conversation: Conversation) -> Iterable[str]:
    return conversation.sessions.names()


async def _export(argument: str, conversation: Conversation) -> None:
    from agentfix.export import FORMATS  # noqa: PLC0415 - the first prompt comes first

    words = argument.split(maxsplit=1)
    if len(words) == 2 and words[0] in FORMATS:
        await _training_data(words[0], words[1], conversation)
    elif not words:
        raise InputError("/export needs a file.", f"Write: /export FILE.md, or /export {'|'.join(FORMATS)} FILE")
    else:
        runs = {turn.take.run: await conversation.story(turn.take.run) for turn in conversation.state.turns
                if turn.take.state == "ended"}
        text = transcript(conversation.session.name, conversation.state, runs)
        _write(argument, text, conversation)
        conversation.say(f"{count(len(conversation.state.turns), 'question')} with answers and evidence: {argument}.")


async def _training_data(name: str, file: str, conversation: Conversation) -> None:
    from agentfix.export import Selection  # noqa: PLC0415

    runs = tuple(take.run for turn in conversation.state.turns for take in turn.takes)
    if not runs:
        raise InputError("Nothing was asked yet.", "Type a question.")
    made = await (await conversation.agents.agent(conversation.settings)).aexport(name, Selection(runs=runs))
    _write(file, "".join(f"{json.dumps(row)}\n" for row in made.rows), conversation)
    conversation.say(f"{count(len(made.rows), 'row')}: {file}.")
    for reason, times in made.left_out.items():
        conversation.say(f"left out: {times} {reason}", "dim")


def _write(file: str, text: str, conversation: Conversation) -> None:
    try:
        (conversation.folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} can't be written: {error.strerror}.", "Name another file.") from error


COMMANDS = (
    Command("save", "[NAME]", "Keep the conversation under a name; it is kept anyhow.", _save),
    Command("load", "[NAME]", "Go on with another conversation; alone it lists them.", _load, _names),
    Command("export", "[FORMAT] FILE", "Write the conversation as Markdown, or training data of what was proved.",
            _export, lambda conversation: ("sft", "dpo", "kto", "prm", "critique", "rewind")),
)
