"""`agentfix resume`: an earlier run, gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agentfix.cli.asking import settle, somebody_is_there
from agentfix.cli.following import Following, follow
from agentfix.cli.plugins.option import journal_option, plugin_option, with_plugins
from agentfix.cli.runs import full_name
from agentfix.settings import load_settings
from agentfix.types import ToolCall


@click.command()
@click.argument("name", metavar="RUN")
@click.option("--in-doubt", type=click.Choice(["ask", "done", "again", "stop"]), default="ask", show_default=True,
              help="What to do about a call with side effects that was begun and whose end nobody knows.")
@click.option("--max-rounds", type=int, help="Another limit than the run was begun with.")
@click.option("--max-tokens", type=int, help="The same for tokens.")
@click.option("--max-seconds", type=float, help="The same for seconds.")
@click.option("--max-cost", type=float, help="The same for money.")
@plugin_option
@click.option("--record", type=click.Path(path_type=Path), help="Add the calls of the whole run to a file.")
@journal_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def resume(context: click.Context, name: str, in_doubt: str, record: Path | None, journal: str | None, as_json: bool,
           quiet: bool, named: tuple[str, ...], **limits: Any) -> None:
    """Go on with RUN where it was cut off. No call that had ended is made again.

    The beginning of a run's name is enough, and `last` is the latest. Exit status as for `agentfix run`.
    """
    given = {limit: value for limit, value in limits.items() if value is not None}

    async def start(agent: Any, this: Following) -> None:
        async def settled(call: ToolCall) -> str:
            if in_doubt != "ask":
                return in_doubt
            if not somebody_is_there():
                return "stop"
            with this.watcher.paused():
                return await settle(call)

        await agent.aresume(await full_name(agent, name), on_event=this.show, on_doubt=settled, **given)

    settings = with_plugins(load_settings({"record": record, "journal": journal}), named)
    follow(context, settings, start, as_json=as_json, quiet=quiet)
