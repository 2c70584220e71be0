"""`agentfix tools`: what models may act with, by which plugin; with `--open` also what is found by asking servers."""

from __future__ import annotations

import asyncio

import click

from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.plugins.table import show_table
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError
from agentfix.plugins import Plugins
from agentfix.settings import load_settings

Row = tuple[str, str, str]


@click.command(help="List tools: name, plugin, description.")
@click.option("--open", "opens", is_flag=True, help="Start what finds tools by itself, such as MCP servers, and list "
              "those tools too.")
@plugin_option
def tools(opens: bool, named: tuple[str, ...]) -> None:
    """See the module."""
    registry = Plugins(with_plugins(load_settings(), named))
    rows: list[Row] = [(entry.name, entry.plugin, entry.description) for entry in registry.names("tool")]
    if opens:
        rows += asyncio.run(_found(registry))
    show_table(rows)
    for info in registry.problems():
        _tell(info.problem)


async def _found(registry: Plugins) -> list[Row]:
    """The tools of what holds several."""
    from agentfix.agent.found import find  # noqa: PLC0415 - what agents need takes a while to load
    from agentfix.protocols import Tools  # noqa: PLC0415

    rows: list[Row] = []
    for entry in registry.names("tool"):
        try:
            holder = registry.build("tool", entry.name)
        except AgentFixError as error:
            _tell(f"Tool {entry.name!r} can't be had: {error}")
            continue
        if not isinstance(holder, Tools):
            continue
        try:
            found = await find({entry.name: holder}, {}, _tell)
        finally:
            await holder.aclose()
        rows += [(name, entry.plugin, (tool.spec.description.splitlines() or [""])[0]) for name, tool in found.items()]
    return rows


def _tell(message: str) -> None:
    click.echo(f"agentfix: {one_line(message)}", err=True)
