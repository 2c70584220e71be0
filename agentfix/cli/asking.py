"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import click

from agentfix.cli.visible import one_line
from agentfix.tools import Approve
from agentfix.types import PendingToolCall

ARGUMENTS_CHARACTERS = 2000


def somebody_is_there() -> bool:
    """Whether a question would be seen and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose(question: str, choices: Sequence[str], default: str) -> str:
    """Ask until one of the choices is given; who leaves without an answer gives the default."""
    prompt: Any = click.prompt
    # The event loop's own handler would keep Ctrl-C until there is an answer.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return str(prompt(question, type=click.Choice(choices), default=default, err=True))
    except click.Abort:
        return default
    finally:
        signal.signal(signal.SIGINT, handler)


def shown(arguments: Mapping[str, Any]) -> str:
    """Arguments on one line, with nothing that a terminal would obey."""
    text = one_line(json.dumps(dict(arguments), default=str, ensure_ascii=False))
    left = len(text) - ARGUMENTS_CHARACTERS
    return text if left <= 0 else f"{text[:ARGUMENTS_CHARACTERS]} [... {left:,} more characters]"


def approver(paused: Callable[[], AbstractContextManager[object]]) -> Approve:
    """Asks at the terminal whether a call may be made.

    Args:
        paused: keeps what is being shown from being drawn over the question.
    """

    async def approve(pending: PendingToolCall, reason: str) -> bool:
        with paused():
            click.echo(f"{one_line(pending.call.tool)} wants to run with {shown(pending.call.arguments)}", err=True)
            click.echo(f"You are asked because {one_line(reason)}", err=True)
            return choose("Run it?", ("yes", "no"), "no") == "yes"

    return approve
