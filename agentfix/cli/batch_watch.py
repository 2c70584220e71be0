"""Shows a batch while it runs: a bar on a terminal, a line for each result elsewhere. Writes standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.batch import Batch

REFRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class Watch:
    """Told of what happens."""

    show: Callable[[Mapping[str, Any]], None]
    """Each line of the output."""
    say: Callable[[str], None]
    """What a person should know."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What has come of a batch."""

    tasks: int
    answered: int
    supported: int
    failed: int
    left: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    stopped: str

    def __str__(self) -> str:
        cost = "" if not self.cost else f", cost {self.cost:.4g}"
        left = f", {self.left} left" if self.left else ""
        return (f"{self.tasks} tasks: {self.answered} answered, {self.supported} of them supported, "
                f"{self.failed} failed{left}; {self.prompt_tokens:,} prompt and {self.completion_tokens:,} completion "
                f"tokens{cost}")


def summary(batch: Batch) -> Summary:
    """What has come of a batch by now, by this start and earlier ones."""
    tally, usage = batch.tally, batch.tally.usage
    return Summary(batch.tasks, tally.answered, tally.supported, tally.failed, batch.left, usage.prompt_tokens,
                   usage.completion_tokens, usage.cost, batch.stopped)


@contextmanager
def watcher(batch: Batch, *, quiet: bool) -> Generator[Watch]:
    """What is told of each result.

    Args:
        batch: that is shown.
        quiet: show nothing but what a person should know.
    """
    if quiet:
        yield Watch(lambda line: None, _say)
    elif sys.stderr.isatty():
        with _live(batch) as watch:
            yield watch
    else:
        yield Watch(lambda line: click.echo(_told(batch, line), err=True), _say)


def _say(message: str) -> None:
    click.echo(f"agentfix: {message}", err=True)


def _told(batch: Batch, line: Mapping[str, Any]) -> str:
    outcome = f"error: {line['error']}" if line["error"] is not None else (
        f"{'not supported' if line['abstained'] else 'supported by ' + line['supported_by']}, {line['seconds']:.1f} s")
    return one_line(f"{batch.tally.done}/{batch.tasks} {line['id']}: {outcome}")


@contextmanager
def _live(batch: Batch) -> Generator[Watch]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    began, before = time.monotonic(), batch.tally.usage.tokens
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(),
               TimeRemainingColumn())
    console = Console(stderr=True, markup=False, highlight=False)
    with Progress(*columns, console=console, transient=True, refresh_per_second=1 / REFRESH_S) as bar:
        task = bar.add_task("", total=batch.tasks, completed=batch.tally.done)

        def show(line: Mapping[str, Any]) -> None:
            tally, took = batch.tally, time.monotonic() - began
            supported = tally.supported / tally.answered if tally.answered else 0.0
            failed = f", {tally.failed} failed" if tally.failed else ""
            bar.update(task, completed=tally.done, description=(
                f"{supported:.0%} supported{failed}, {tally.usage.tokens:,} tokens, "
                f"{(tally.usage.tokens - before) / took:,.0f}/s, {batch.under_way} under way"))

        yield Watch(show, lambda message: console.print(f"agentfix: {message}"))
