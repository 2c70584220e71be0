"""`agentfix strategies | critics | kinds`: what is registered, by which plugin."""

from __future__ import annotations

import click

from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.plugins.table import show_table
from agentfix.cli.visible import one_line
from agentfix.plugins import Part, Plugins
from agentfix.settings import load_settings


def _lister(command: str, part: Part) -> click.Command:
    """A command that lists the parts of one sort."""

    def show(named: tuple[str, ...]) -> None:
        registry = Plugins(with_plugins(load_settings(), named))
        show_table([(entry.name, entry.plugin, entry.description) for entry in registry.names(part)])
        for info in registry.problems():
            click.echo(f"agentfix: {one_line(info.problem)}", err=True)

    return click.command(command, help=f"List {command}: name, plugin, description.")(plugin_option(show))


strategies = _lister("strategies", "strategy")
critics = _lister("critics", "critic")
kinds = _lister("kinds", "kind")
