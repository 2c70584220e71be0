"""Shows an evaluation while it runs: a bar on a terminal, a line for each result elsewhere. Writes standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.evals.record import Record

Watch: TypeAlias = "Callable[[Record], None]"


@contextmanager
def watcher(items: int, strategies: Sequence[str], *, quiet: bool) -> Generator[Watch]:
    """What is told of each finished record."""
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with _bar(items * len(strategies), strategies) as watch:
            yield watch
    else:
        yield _lines(items * len(strategies))


def _lines(total: int) -> Watch:
    done = 0

    def watch(record: Record) -> None:
        nonlocal done
        done += 1
        first, last = ("right" if correct else "wrong" for correct in (record.first_correct, record.correct))
        outcome = f"error: {record.error}" if record.error else f"{first} -> {last}, {record.seconds:.1f} s"
        click.echo(one_line(f"{done}/{total} {record.item} {record.ran}: {outcome}"), err=True)

    return watch


@contextmanager
def _bar(total: int, strategies: Sequence[str]) -> Generator[Watch]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    counts = {strategy: [0, 0, 0] for strategy in strategies}
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)

        def watch(record: Record) -> None:
            count = counts[record.strategy]
            count[0] += record.first_correct
            count[1] += record.correct
            count[2] += 1
            running = ", ".join(f"{one_line(name)} {first / n:.0%} -> {last / n:.0%}"
                                for name, (first, last, n) in counts.items() if n)
            progress.update(task, advance=1, description=running)

        yield watch
