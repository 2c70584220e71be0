"""`agentfix resume | replay`: an earlier run, gone on with or watched again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from agentfix.cli.following import Show, follow
from agentfix.cli.runs import full_name
from agentfix.cli.visible import one_line
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
@click.option("--record", type=click.Path(path_type=Path), help="Add the calls of the whole run to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def resume(context: click.Context, name: str, in_doubt: str, record: Path | None, as_json: bool, quiet: bool,
           **limits: Any) -> None:
    """Go on with RUN where it was cut off. No call that had ended is made again.

    The beginning of a run's name is enough, and `last` is the latest. Exit status as for `agentfix run`.
    """
    given = {limit: value for limit, value in limits.items() if value is not None}

    async def doubt(call: ToolCall) -> str:
        if in_doubt != "ask":
            return in_doubt
        if as_json or quiet or not sys.stdin.isatty():
            return "stop"
        arguments = one_line(json.dumps(dict(call.arguments), default=str))[:500]
        click.echo(f"{one_line(call.tool)} was run with {arguments}, and nobody knows whether that happened.")
        answers = click.Choice(["done", "again", "stop"])
        prompt: Any = click.prompt
        return str(prompt("Did it happen? done: yes; again: no, run it", type=answers, default="stop"))

    async def start(agent: Any, show: Show) -> None:
        await agent.resume(await full_name(agent, name), on_event=show, on_doubt=doubt, **given)

    follow(context, load_settings({"record": record}), start, as_json=as_json, quiet=quiet)


@click.command()
@click.argument("source", metavar="RUN|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def replay(context: click.Context, source: str, as_json: bool, quiet: bool) -> None:
    """Watch a run of the journal, or of a recording FILE, once more. No model, tool or sandbox is asked."""

    async def start(agent: Any, show: Show) -> None:
        await agent.replay(await full_name(agent, source, or_file=True), on_event=show)

    follow(context, load_settings(), start, as_json=as_json, quiet=quiet)
