"""What an evaluation found, as a table or as one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.evals.record import Record
    from agentfix.evals.summary import Share, Summary

_SHOWN_ERRORS = 5


def eval_object(summaries: Sequence[Summary], records: Sequence[Record], *, model: str, seed: int) -> dict[str, Any]:
    """Everything that was found, for programs. Shares are from 0 to 1."""
    return {
        "model": model,
        "seed": seed,
        "strategies": [asdict(summary) for summary in summaries],
        "items": [asdict(record) for record in records],
    }


def show_table(summaries: Sequence[Summary], records: Sequence[Record]) -> None:
    """Print one column for each strategy, and the first errors."""
    if not summaries:
        click.echo("Nothing was finished.")
        return
    heads = ["", *(one_line(summary.strategy) for summary in summaries)]
    rows = [[name, *(cell(summary) for summary in summaries)] for name, cell in _ROWS]
    if sys.stdout.isatty():
        _rich(heads, rows)
    else:
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        for row in [heads, *rows]:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    errors = [record for record in records if record.error or record.note]
    for record in errors[:_SHOWN_ERRORS]:
        click.echo(f"{record.item}, {record.strategy}: {one_line(record.error or record.note)}", err=True)
    if len(errors) > _SHOWN_ERRORS:
        click.echo(f"... {len(errors) - _SHOWN_ERRORS} more", err=True)


def _rich(heads: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table()
    for head in heads:
        table.add_column(Text(head))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _percent(share: Share) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _points(share: Share) -> str:
    return f"{100 * share.value:+.1f} [{100 * share.low:+.1f}, {100 * share.high:+.1f}] points"


_ROWS: tuple[tuple[str, Callable[[Summary], str]], ...] = (
    ("items", lambda s: f"{s.items}"),
    ("first attempts right", lambda s: _percent(s.first_accuracy)),
    ("results right", lambda s: _percent(s.accuracy)),
    ("gain", lambda s: _points(s.gain)),
    ("wrong -> right", lambda s: f"{s.wrong_to_right}"),
    ("right -> wrong", lambda s: f"{s.right_to_wrong}"),
    ("McNemar p", lambda s: f"{s.mcnemar_p:.3g}"),
    ("F1", lambda s: f"{s.f1:.3f}"),
    ("abstained", lambda s: f"{s.abstained}"),
    ("errors", lambda s: f"{s.errors}"),
    ("prompt tokens", lambda s: f"{s.prompt_tokens:,.0f}"),
    ("  of them cached", lambda s: f"{s.cached_prompt_tokens:,.0f}"),
    ("completion tokens", lambda s: f"{s.completion_tokens:,.0f}"),
    ("model calls", lambda s: f"{s.model_calls:.1f}"),
    ("tool calls", lambda s: f"{s.tool_calls:.1f}"),
    ("seconds", lambda s: f"{s.seconds:.1f}"),
)
"""Tokens, calls and seconds are means per item; intervals are of 95%."""
