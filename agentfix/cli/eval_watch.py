"""Shows an evaluation while it runs: a table on a terminal, a line for each result elsewhere. Writes standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from agentfix.evals import Record

Watch: TypeAlias = "Callable[[Record], None]"


@contextmanager
def watcher(runs: int, strategies: Sequence[str], *, quiet: bool) -> Generator[Watch]:
    """What is told of each finished record.

    Args:
        runs: how many there will be.
        strategies: by the names in the table.
        quiet: show nothing.
    """
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with _live(runs, strategies) as watch:
            yield watch
    else:
        yield _lines(runs)


def _lines(total: int) -> Watch:
    done = 0

    def watch(record: Record) -> None:
        nonlocal done
        done += 1
        first, last = ("right" if correct else "wrong" for correct in (record.first_correct, record.correct))
        outcome = f"error: {record.error}" if record.error else f"{first} -> {last}, {record.seconds:.1f} s"
        name = f"{record.item}#{record.repeat}" if record.repeat else record.item
        click.echo(one_line(f"{done}/{total} {name} {record.ran}: {outcome}"), err=True)

    return watch


@contextmanager
def _live(total: int, strategies: Sequence[str]) -> Generator[Watch]:
    from rich.console import Console, Group  # noqa: PLC0415 - only a terminal needs rich
    from rich.live import Live  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    finished: dict[str, list[Record]] = {strategy: [] for strategy in strategies}
    bar = Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    task = bar.add_task("", total=total)
    with Live(Group(_running(finished), bar), console=Console(stderr=True), transient=True) as live:

        def watch(record: Record) -> None:
            finished[record.strategy].append(record)
            bar.update(task, advance=1)
            live.update(Group(_running(finished), bar))

        yield watch


def _running(finished: dict[str, list[Record]]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - only a terminal needs rich
    from rich.text import Text  # noqa: PLC0415

    table = Table("strategy", "done", "first right", "right", "errors", "completion tokens", "seconds")
    for strategy, records in finished.items():
        count = len(records)
        cells = (
            f"{sum(r.first_correct for r in records) / count:.0%}", f"{sum(r.correct for r in records) / count:.0%}",
            str(sum(bool(r.error) for r in records)), f"{sum(r.completion_tokens for r in records) / count:,.0f}",
            f"{sum(r.seconds for r in records) / count:.1f}",
        ) if count else ()
        table.add_row(Text(one_line(strategy)), str(count), *cells)
    return table
