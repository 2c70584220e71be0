"""Runs an agent while somebody watches, and ends the command as the result says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import click

from agentfix.cli.plain import AnswerWatcher, JsonWatcher, LineWatcher, Watcher
from agentfix.settings import Settings
from agentfix.types import Event, Result

NOT_SUPPORTED = 3
"""Exit status when nothing supports the answer at the required class or above."""
STOPPED = 130

Show: TypeAlias = Callable[[Event], None]
Start: TypeAlias = Callable[[Any, Show], Awaitable[object]]
"""Does something with an agent, showing its events."""


@dataclass(slots=True)
class Following:
    """A run being watched."""

    watcher: Watcher
    id: str = ""
    result: Result | None = None

    def show(self, event: Event) -> None:
        self.id = event.run_id
        self.watcher.show(event)
        if event.kind == "result":
            self.result = event.data["result"]

    async def follow(self, agent: AbstractAsyncContextManager[Any], start: Start) -> None:
        async with agent as opened:
            await start(opened, self.show)


def follow(context: click.Context, settings: Settings, start: Start, *, as_json: bool, quiet: bool,
           prepare: Callable[[], None] | None = None) -> None:
    """Start something with an agent, show what happens, and exit with the status that the result deserves.

    Args:
        context: its `obj` makes the agent, when it is not None.
        settings: of the agent.
        start: what to do with it.
        as_json: print one object.
        quiet: print the answer only.
        prepare: what to do before, for real agents only.
    """
    this = Following(watcher(as_json=as_json, quiet=quiet))
    try:
        agent = (context.obj or _agent)(settings)
        if context.obj is None and prepare is not None:
            prepare()
        with this.watcher.watching():
            asyncio.run(this.follow(agent, start))
    except KeyboardInterrupt:
        kept = f"; go on with: agentfix resume {this.id}" if this.id else "; what was fetched is kept."
        click.echo(f"agentfix: stopped{'.' if settings.journal == 'memory' else kept}", err=True)
        context.exit(STOPPED)
    assert this.result is not None, "the run ended without a result"
    context.exit(NOT_SUPPORTED if this.result.abstained else 0)


def watcher(*, as_json: bool, quiet: bool) -> Watcher:
    """Who shows a run, by what was asked for and where the output goes."""
    if as_json:
        return JsonWatcher(quiet)
    if quiet:
        return AnswerWatcher()
    if not sys.stdout.isatty():
        return LineWatcher()
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich

    from agentfix.cli.render import TerminalWatcher  # noqa: PLC0415

    return TerminalWatcher(Console(markup=False, highlight=False, emoji=False))


def _agent(settings: Settings) -> AbstractAsyncContextManager[Any]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings)
