"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import click

from agentfix.cli.visible import one_line
from agentfix.tools import NO_RULE, Approve
from agentfix.types import PendingToolCall, ToolCall

ARGUMENTS_CHARACTERS = 2000
"""Of all arguments together, unless there are very many."""
SHORTEST_CHARACTERS = 60


def somebody_is_there() -> bool:
    """Whether a question would be seen and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def choose(question: str, choices: Sequence[str], default: str) -> str:
    """Ask until one of the choices is given, as a word or its first letter; who leaves without an answer (Ctrl-D) gives
    the default. Ctrl-C ends the run, as it does anywhere else.
    """
    try:
        return _choose(question, choices, default)
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)  # to the event loop's own handler, which cancels what it runs
        return await asyncio.get_running_loop().create_future()


def _choose(question: str, choices: Sequence[str], default: str) -> str:
    prompt: Any = click.prompt
    kind = click.Choice(choices)
    letters = {choice[0]: choice for choice in choices}

    def read(said: str) -> str:
        word = said.strip().casefold()
        return str(kind.convert(letters.get(word, word), None, None))

    # The event loop's own handler would keep Ctrl-C until there is an answer.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return prompt(question, type=kind, value_proc=read, default=default, err=True)
    except click.Abort as left:
        if isinstance(left.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return default
    finally:
        signal.signal(signal.SIGINT, handler)


def shown(arguments: Mapping[str, Any]) -> str:
    """Arguments on one line, with nothing that a terminal would obey or hide. Each has room: a long one does not push
    another out of sight."""
    room = max(SHORTEST_CHARACTERS, ARGUMENTS_CHARACTERS // max(1, len(arguments)))
    told = (f"{_written(name)}: {_cut(_written(value), room)}" for name, value in arguments.items())
    return f"{{{', '.join(told)}}}"


def _written(value: Any) -> str:
    text = one_line(json.dumps(value, default=str, ensure_ascii=False))
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _cut(text: str, room: int) -> str:
    left = len(text) - room
    return text if left <= 0 else f"{text[:room // 2]} [... {left:,} more characters ...] {text[-(room - room // 2):]}"


def approver(paused: Callable[[], AbstractContextManager[object]],
             always: Callable[[str], None] | None = None) -> Approve:
    """Asks at the terminal whether a call may be made.

    Args:
        paused: keeps what is being shown from being drawn over the question.
        always: told of a tool that need not be asked about any more, where a rule of the policy can say that; without
            it that can't be said.
    """
    allowed = set[str]()

    async def approve(pending: PendingToolCall, reason: str) -> bool:
        by_rule = always is not None and reason == NO_RULE
        if by_rule and pending.call.tool in allowed:
            return True
        with paused():
            click.echo(f"{one_line(pending.call.tool)} wants to run with {shown(pending.call.arguments)}", err=True)
            click.echo(f"You are asked because {one_line(reason)}", err=True)
            said = await choose("Run it?", ("yes", "no", *(("always",) if by_rule else ())), "no")
        if said == "always" and always is not None:
            allowed.add(pending.call.tool)
            always(pending.call.tool)
        return said in ("yes", "always")

    return approve


async def settle(call: ToolCall) -> str:
    """Ask whoever sits at the terminal about a call of which nobody knows whether it happened; who leaves without an
    answer stops the run."""
    click.echo(f"{one_line(call.tool)} was begun with {shown(call.arguments)}, and nobody knows whether it happened.",
               err=True)
    click.echo("done: it happened; again: it did not, run it; stop: leave the run as it is.", err=True)
    return await choose("Did it happen?", ("done", "again", "stop"), "stop")
