"""`agentfix replay`: an earlier run, watched again."""

from __future__ import annotations

from typing import Any

import click

from agentfix.cli.following import Following, follow
from agentfix.cli.plugins.option import journal_option, plugin_option, with_plugins
from agentfix.cli.runs import full_name
from agentfix.settings import load_settings


@click.command()
@click.argument("source", metavar="RUN|FILE")
@plugin_option
@journal_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def replay(context: click.Context, source: str, named: tuple[str, ...], journal: str | None, as_json: bool,
           quiet: bool) -> None:
    """Watch a run of the journal, or of a recording FILE, once more. No model, tool or sandbox is asked."""

    async def start(agent: Any, this: Following) -> None:
        await agent.areplay(await full_name(agent, source, or_file=True), on_event=this.show)

    settings = with_plugins(load_settings({"journal": journal}), named)
    follow(context, settings, start, as_json=as_json, quiet=quiet, resumable=False)
