"""Rows in columns."""

from __future__ import annotations

from collections.abc import Sequence

import click

from agentfix.cli.visible import one_line


def show_table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print rows in columns; the last one is as wide as it is."""
    shown = [tuple(map(one_line, row)) for row in rows]
    first, second = (max((len(row[column]) for row in shown), default=0) for column in (0, 1))
    for name, source, text in shown:
        click.echo(f"{name:{first}}  {source:{second}}  {text}".rstrip())
