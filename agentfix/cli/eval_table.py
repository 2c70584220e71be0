"""What an evaluation found, as tables or as one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.evals import Comparison, Record, Share, Summary

_SHOWN_ERRORS = 5
_SIDE_BY_SIDE = 3
"""More strategies than this have a line each, so that it fits a terminal."""


def eval_object(summaries: Sequence[Summary], comparisons: Sequence[Comparison], records: Sequence[Record], *,
                model: str, seed: int) -> dict[str, Any]:
    """Everything that was found, for programs. Shares are from 0 to 1."""
    return {
        "model": model,
        "seed": seed,
        "strategies": [asdict(summary) for summary in summaries],
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "items": [asdict(record) for record in records],
    }


def show_table(summaries: Sequence[Summary], comparisons: Sequence[Comparison], records: Sequence[Record]) -> None:
    """Print one column for each strategy, or, of many, one line; one for each pair that is compared, and errors."""
    if not summaries:
        click.echo("Nothing was finished.")
        return
    if len(summaries) > _SIDE_BY_SIDE:
        first = summaries[0]
        click.echo(f"{first.items} items, first attempts right {percent(first.first_accuracy)}\n")
        unequal = len({summary.runs for summary in summaries}) > 1  # it was stopped: not all have run the same items
        columns = (_RUNS, *_COLUMNS) if unequal else _COLUMNS
        show([["strategy", *(head for head, _ in columns)],
              *([summary.strategy, *(cell(summary) for _, cell in columns)] for summary in summaries)])
    else:
        show(table_rows(summaries))
    if comparisons:
        click.echo()
        show_comparisons(comparisons)
    errors = [record for record in records if record.error or record.note]
    for record in errors[:_SHOWN_ERRORS]:
        click.echo(f"{record.item}, {record.strategy}: {one_line(record.error or record.note)}", err=True)
    if len(errors) > _SHOWN_ERRORS:
        click.echo(f"... {len(errors) - _SHOWN_ERRORS} more", err=True)


def show_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print a line for each pair: how often only one of the two was right, and what they wrote."""
    show(comparison_rows(comparisons))


def table_rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """A column for each strategy, and first the row of their names; rows that say nothing are left out."""
    rows = [[name, *(cell(summary) for summary in summaries)] for name, cell in _ROWS]
    return [["", *(summary.strategy for summary in summaries)], *(row for row in rows if any(row[1:]))]


def comparison_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """A row for each pair, and first the row of heads."""
    return [["compared", "difference", "only 1st", "only 2nd", "McNemar p", "tokens"], *(
        [f"{c.strategy}, {c.against}", points(c.difference, c.items), f"{len(c.only)}", f"{len(c.only_against)}",
         f"{c.mcnemar_p:.3g}", f"{c.completion_tokens:,.0f}, {c.against_completion_tokens:,.0f}"]
        for c in comparisons)]


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first one of heads: ruled on a terminal, plain elsewhere."""
    rows = [[one_line(cell) if cell == cell.strip() else cell for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich(rows[0], rows[1:])
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table()
    for head in heads:
        table.add_column(Text(head))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def percent(share: Share) -> str:
    """A share with its interval."""
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def points(share: Share, items: int) -> str:
    """A difference of shares with its interval; a bootstrap of few items says nothing, so they get none."""
    from agentfix.evals.statistics import FEWEST  # noqa: PLC0415 - the package loads plugins

    if items < FEWEST:
        return f"{100 * share.value:+.1f} points"
    return f"{100 * share.value:+.1f} [{100 * share.low:+.1f}, {100 * share.high:+.1f}] points"


def _by_round(changes: Sequence[int]) -> str:
    return " ".join(str(change) for change in changes) if len(changes) > 1 else ""


def _of_calibration(summary: Summary, name: str) -> str:
    value: float | None = getattr(summary.calibration, name, None)
    return "" if value is None else f"{value:.3f}"


_ROWS: tuple[tuple[str, Callable[[Summary], str]], ...] = (
    ("items", lambda s: f"{s.items}"),
    ("runs", lambda s: f"{s.runs}" if s.runs != s.items else ""),
    ("first attempts right", lambda s: percent(s.first_accuracy)),
    ("results right", lambda s: percent(s.accuracy)),
    ("oracle: any right", lambda s: percent(s.oracle)),
    ("gain", lambda s: points(s.gain, s.items)),
    ("wrong -> right", lambda s: f"{s.wrong_to_right}"),
    ("  by round", lambda s: _by_round(s.wrong_to_right_by_round)),
    ("right -> wrong", lambda s: f"{s.right_to_wrong}"),
    ("  by round", lambda s: _by_round(s.right_to_wrong_by_round)),
    ("McNemar p", lambda s: f"{s.mcnemar_p:.3g}"),
    ("F1", lambda s: f"{s.f1:.3f}"),
    ("abstained", lambda s: f"{s.abstained}"),
    ("ECE", lambda s: _of_calibration(s, "ece")),
    ("AUROC", lambda s: _of_calibration(s, "auroc")),
    ("AURC", lambda s: _of_calibration(s, "aurc")),
    ("wrong of surer half", lambda s: "" if s.calibration is None else f"{s.calibration.half_risk:.1%}"),
    ("errors", lambda s: f"{s.errors}"),
    ("prompt tokens", lambda s: f"{s.prompt_tokens:,.0f}"),
    ("  of them cached", lambda s: f"{s.cached_prompt_tokens:,.0f}"),
    ("completion tokens", lambda s: f"{s.completion_tokens:,.0f}"),
    ("model calls", lambda s: f"{s.model_calls:.1f}"),
    ("tool calls", lambda s: f"{s.tool_calls:.1f}"),
    ("cost", lambda s: f"{s.cost:.4g}" if s.cost else ""),
    ("seconds", lambda s: f"{s.seconds:.1f}"),
)
"""Tokens, calls, money and seconds are means per run; intervals are of 95%. A row that says nothing is left out."""
_RUNS: tuple[str, Callable[[Summary], str]] = ("runs", lambda s: f"{s.runs}")
_COLUMNS: tuple[tuple[str, Callable[[Summary], str]], ...] = (
    ("right", lambda s: percent(s.accuracy)),
    ("gain", lambda s: f"{100 * s.gain.value:+.1f}"),
    ("won", lambda s: f"{s.wrong_to_right}"),
    ("lost", lambda s: f"{s.right_to_wrong}"),
    ("tokens", lambda s: f"{s.completion_tokens:,.0f}"),
    ("calls", lambda s: f"{s.model_calls:.1f}"),
    ("seconds", lambda s: f"{s.seconds:.1f}"),
)
"""What is shown of many strategies, a line each; --json has the rest. Won became right, lost became wrong."""
