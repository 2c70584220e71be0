"""`agentfix run`: one question, answered, checked and fixed while you watch."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import click

from agentfix.cli.plain import AnswerWatcher, JsonWatcher, LineWatcher, Watcher
from agentfix.cli.question import read_checks, read_question
from agentfix.settings import Settings, load_settings
from agentfix.types import Event, EvidenceClass, Result, Task

NOT_SUPPORTED = 3
"""Exit status when nothing supports the answer at the required class or above."""
STOPPED = 130

_FILE = click.Path(path_type=Path)


class Asked(Protocol):
    """What this command needs of an agent."""

    def stream(self, task: Task) -> AsyncIterator[Event]: ...


MakeAgent: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[Asked]]


@dataclass(slots=True)
class Run:
    """A run being watched."""

    watcher: Watcher
    id: str = ""
    result: Result | None = None

    async def follow(self, agent: AbstractAsyncContextManager[Asked], task: Task) -> None:
        async with agent as asked:
            async for event in asked.stream(task):
                self.id = event.run_id
                self.watcher.show(event)
                if event.kind == "result":
                    self.result = event.data["result"]


@click.command(short_help="Answer a question, check the answer with tools, and fix it.")
@click.argument("question", required=False)
@click.option("--file", type=_FILE, help="Read the question from a file.")
@click.option("--tests", type=_FILE, help="Python file with your own checks of the answer: assertions, or functions "
              "named test_... They run after a program; elsewhere they read the variable `answer`.")
@click.option("--model", help="The model that answers, as backend:name.")
@click.option("--critic-model", help="The model that criticises; the answering one unless told.")
@click.option("--critic", "critics", multiple=True, help="Ask this critic too, besides the kind's own; may be given "
              "several times.")
@click.option("--strategy", help="What to do next, and when to stop, as name or name:argument.")
@click.option("--kind", help="The sort of task; found out unless told.")
@click.option("--sandbox", help="Where programs run.")
@click.option("--require", type=click.Choice([c.label for c in EvidenceClass]),
              help="The class of evidence from which an answer counts as supported.")
@click.option("--max-rounds", type=int, help="How often the model is asked to answer or revise, at most.")
@click.option("--max-tokens", type=int, help="Tokens read and written, at most.")
@click.option("--max-seconds", type=float, help="Seconds, at most.")
@click.option("--max-cost", type=float, help="Money, at most.")
@click.option("--seed", type=int, help="Where chance starts from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def run(context: click.Context, question: str | None, file: Path | None, tests: Path | None, as_json: bool,
        quiet: bool, **arguments: Any) -> None:
    """Answer QUESTION, check the answer with tools, and fix it. `-` reads it from standard input.

    Exit status: 0 when evidence of the required class supports the answer, 3 when not, 1 when the run failed,
    2 for misuse. Options not given are read from agentfix.toml and AGENTFIX_... variables.
    """
    settings = load_settings({**arguments, "critics": arguments["critics"] or None})
    task = Task(read_question(question, file), settings.kind, read_checks(tests))
    make_agent: MakeAgent = context.obj or _agent
    this = Run(_watcher(as_json=as_json, quiet=quiet))
    try:
        agent = make_agent(settings)
        if make_agent is _agent:
            from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client

            fetch_models(settings)
        with this.watcher.watching():
            asyncio.run(this.follow(agent, task))
    except KeyboardInterrupt:
        kept = f"; run {this.id} is kept in the journal" if this.id else "; what was fetched is kept"
        click.echo(f"agentfix: stopped{kept}.", err=True)
        context.exit(STOPPED)
    assert this.result is not None, "the stream of events ended without a result"
    context.exit(NOT_SUPPORTED if this.result.abstained else 0)


def _watcher(*, as_json: bool, quiet: bool) -> Watcher:
    if as_json:
        return JsonWatcher(quiet)
    if quiet:
        return AnswerWatcher()
    if not sys.stdout.isatty():
        return LineWatcher()
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich

    from agentfix.cli.render import TerminalWatcher  # noqa: PLC0415

    return TerminalWatcher(Console(markup=False, highlight=False, emoji=False))


def _agent(settings: Settings) -> AbstractAsyncContextManager[Asked]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings)
