"""Runs an agent while somebody watches, and ends the command as the result says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import click

from agentfix.cli.asking import approver, somebody_is_there
from agentfix.cli.plain import AnswerWatcher, JsonWatcher, LineWatcher, Watcher
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError, CallInDoubtError
from agentfix.journal import IN_MEMORY
from agentfix.settings import Settings
from agentfix.types import Event, Result

NOT_SUPPORTED = 3
"""Exit status when nothing supports the answer at the required class or above."""
FAILED = 1
"""Exit status when something failed before the run had ended, whatever was found by then."""
STOPPED = 130


@dataclass(slots=True)
class Following:
    """A run being watched.

    Args:
        watcher: shows it.
        kept: the journal's file has it, as soon as it begins.
    """

    watcher: Watcher
    kept: bool
    id: str = ""
    begun: bool = False
    given: bool = False
    """The journal is a database that was named on the command line: its URL may hold a password, and is not told."""
    result: Result | None = None

    def show(self, event: Event) -> None:
        """Take in and show what happens."""
        self.id = event.run_id
        self.begun = self.begun or event.kind == "move"
        self.watcher.show(event)
        if event.kind == "result":
            self.result = event.data["result"]
        elif event.kind == "notice" and event.data["message"].endswith(IN_MEMORY):
            self.kept = False

    @property
    def way_on(self) -> str:
        """The command that goes on with the run; empty when none does."""
        way = f"agentfix resume {one_line(self.id)}{', with the same --journal' if self.given else ''}"
        return way if self.kept and self.begun else ""

    @property
    def failed(self) -> bool:
        """It ended because something failed; what there was by then is its result."""
        return self.result is not None and self.result.stop_reason.startswith("failed: ")


Start: TypeAlias = Callable[[Any, Following], Awaitable[object]]
"""Does something with an agent, showing its events."""


def follow(context: click.Context, settings: Settings, start: Start, *, as_json: bool, quiet: bool,
           resumable: bool = True, prepare: Callable[[], None] | None = None) -> None:
    """Start something with an agent, show what happens, and exit with the status that the result deserves.

    Args:
        context: its `obj` makes the agent, when it is not None.
        settings: of the agent.
        start: what to do with it.
        as_json: print one object.
        quiet: print the answer only.
        resumable: what is started becomes a run of the journal.
        prepare: what to do before, for real agents only.
    """
    this = Following(watcher(as_json=as_json, quiet=quiet), resumable and settings.journal != "memory")
    this.given = settings.journal_url is not None and bool(context.params.get("journal"))
    try:
        agent: Any = (context.obj or _agent)(settings)
        if context.obj is None and prepare is not None:
            prepare()
        if agent.on_approval is None and somebody_is_there():
            agent.on_approval = approver(this.watcher.paused)
        with this.watcher.watching():
            asyncio.run(_with_agent(agent, start, this))
    except KeyboardInterrupt:
        kept = "" if this.id else " What was fetched is kept."
        click.echo(f"agentfix: stopped{f'; go on with: {this.way_on}' if this.way_on else f'.{kept}'}", err=True)
        context.exit(STOPPED)
    except CallInDoubtError:  # says itself how to go on
        raise
    except AgentFixError as error:
        if this.way_on:
            error.hint = f"{error.hint} Go on with: {this.way_on}".strip()
        raise
    assert this.result is not None, "the run ended without a result"
    if this.failed and this.way_on:
        reason = one_line(this.result.stop_reason.removeprefix("failed: "))
        why = f" ({reason})" if quiet else ""  # others have seen the notice
        click.echo(f"agentfix: the run failed{why}; go on with: {this.way_on}", err=True)
    context.exit(FAILED if this.failed else NOT_SUPPORTED if this.result.abstained else 0)


async def _with_agent(agent: AbstractAsyncContextManager[Any], start: Start, this: Following) -> None:
    async with agent as opened:
        await start(opened, this)


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
