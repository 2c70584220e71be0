"""`agentfix plugins | strategies | critics | kinds | tools`: what is registered, by which plugin."""

from __future__ import annotations

from collections.abc import Sequence

import click

from agentfix.cli.visible import one_line
from agentfix.plugins import Part, PluginInfo, Plugins
from agentfix.settings import load_settings


@click.command()
def plugins() -> None:
    """List plugins, what they bring, and why one is not used."""
    infos = Plugins(load_settings()).infos()
    _table([(info.name, info.source, _brought(info)) for info in infos])


def _brought(info: PluginInfo) -> str:
    if info.problem:
        return f"NOT USED: {info.problem}"
    return ", ".join(f"{part} {name}" for part, name in info.parts) or "observes events"


def _lister(command: str, part: Part) -> click.Command:
    """A command that lists the parts of one sort."""

    def show() -> None:
        registry = Plugins(load_settings())
        _table([(entry.name, entry.plugin, entry.description) for entry in registry.names(part)])
        for info in registry.problems():
            click.echo(f"agentfix: {one_line(info.problem)}", err=True)

    return click.command(command, help=f"List {command}: name, plugin, description.")(show)


strategies = _lister("strategies", "strategy")
critics = _lister("critics", "critic")
kinds = _lister("kinds", "kind")
tools = _lister("tools", "tool")


def _table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print rows in columns; the last one is as wide as it is."""
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    for name, source, text in rows:
        click.echo(f"{name:{first}}  {source:{second}}  {one_line(text)}".rstrip())

