"""Rows in columns."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

from agentfix.cli.visible import one_line

_LEAST_WIDTH = 20
"""Fewer characters than this are not worth a column of their own."""


def show_table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print rows in columns; the last one is folded on a terminal, and as wide as it is elsewhere: a line a row."""
    shown = [tuple(map(one_line, row)) for row in rows]
    first, second = (max((len(row[column]) for row in shown), default=0) for column in (0, 1))
    indent = first + second + 4
    room = shutil.get_terminal_size().columns - indent
    for name, source, text in shown:
        folded = textwrap.wrap(text, max(room, _LEAST_WIDTH), break_on_hyphens=False) if sys.stdout.isatty() else [text]
        click.echo(f"{name:{first}}  {source:{second}}  {folded[0] if folded else ''}".rstrip())
        for line in folded[1:]:
            click.echo(f"{'':{indent}}{line}")
