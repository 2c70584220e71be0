"""`agentfix eval`: a data set through strategies, with a table of what the correction gained."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from agentfix.cli.eval_table import eval_object, show_table
from agentfix.cli.eval_watch import watcher
from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError
from agentfix.settings import Settings, load_settings

if TYPE_CHECKING:
    from agentfix.evals import Item, Record, Runs
    from agentfix.plugins import Plugins

STOPPED = 130
_PATH = click.Path(path_type=Path)

MakeAgent: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[Runs]]"


@dataclass(slots=True)
class Work:
    """What is run, and what has come of it."""

    items: Sequence[Item]
    strategies: Sequence[str]
    settings: Settings
    plugins: Plugins
    equal_tokens: bool
    records: list[Record] = field(default_factory=lambda: [])

    async def go(self, make_agent: MakeAgent | None, keep: Callable[[Record], None]) -> None:
        """Run what is not done yet."""
        from agentfix.evals import Evaluation, SandboxJudge  # noqa: PLC0415

        async with AsyncExitStack() as stack:
            judge = SandboxJudge(self.plugins.build("sandbox", self.settings.sandbox))
            stack.push_async_callback(judge.aclose)
            runs = await stack.enter_async_context((make_agent or _agent)(self.settings))
            evaluation = Evaluation(runs, judge, self.items, self.strategies, self.settings.seed, self.equal_tokens)
            async for record in evaluation.records(tuple(self.records)):
                self.records.append(record)
                keep(record)


@click.command("eval", short_help="Run a file of tasks through strategies and compare them.")
@click.argument("file")
@click.option("--strategy", "strategies", multiple=True, help="May be given several times; the configured one unless "
              "told. An argument follows a colon: self-consistency:5.")
@click.option("--limit", type=click.IntRange(1), help="How many items are run; all unless told.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many items are left out at the start.")
@click.option("--seed", type=int, help="Where chance starts from; each item adds its row.")
@click.option("--model", help="The model, as backend:name.")
@click.option("--tool", "tools", multiple=True, help="What the model may use where it acts; may be given "
              "several times.")
@click.option("--corpus", help="What corpus_search searches: a corpus by name, or a file or folder by its path.")
@click.option("--sandbox", help="Where programs run, those that are judged too.")
@plugin_option
@click.option("--format", "format_name", help="Which data set's rows the file holds; its name says so unless told.")
@click.option("--data-dir", type=_PATH, help="The folder of data sets that are given by name only.")
@click.option("--output", type=_PATH, help="Append each finished item to this file of JSON lines, and leave out the "
              "items it holds already.")
@click.option("--equal-tokens", is_flag=True, help="self-consistency and best-of-n draw as many answers as the "
              "completion tokens of the first strategy pay for, item by item; retrieval as many as all its tokens do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def eval_(context: click.Context, file: str, strategies: tuple[str, ...], limit: int | None, offset: int,
          format_name: str | None, data_dir: Path | None, output: Path | None, equal_tokens: bool, as_json: bool,
          quiet: bool, named: tuple[str, ...], **arguments: Any) -> None:
    """Run the tasks of FILE, one JSON object a line, and compare results with first attempts.

    FILE is a path, or the name of a file in --data-dir. Known by name: gsm8k, svamp, tabmwp, mbpp, quixbugs, hotpotqa,
    nq, ambignq, triviaqa, and what plugins add; any other file needs the fields question and answer. Ctrl-C prints what
    is finished.
    """
    from agentfix.evals import load  # noqa: PLC0415
    from agentfix.plugins import Plugins  # noqa: PLC0415

    arguments["tools"] = arguments["tools"] or None
    settings = with_plugins(load_settings(arguments), named)
    strategies = tuple(dict.fromkeys(strategies)) or (settings.strategy,)
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    items = load(file, plugins, data_dir=data_dir, format_name=format_name, offset=offset, limit=limit)
    work = Work(items, strategies, settings, plugins, equal_tokens)
    append = _resume(work, file, output)
    stopped = False
    if context.obj is None:
        from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
        from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins
        from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - the same

        index_corpus(settings)
        fetch_models(settings)
        context.with_resource(loaded_model(settings))
    with watcher(len(items), strategies, quiet=quiet) as watch:
        for record in work.records:
            watch(record)

        def keep(record: Record) -> None:
            append(record)
            watch(record)

        try:
            asyncio.run(work.go(context.obj, keep))
        except KeyboardInterrupt:
            stopped = True
        except AgentFixError:
            if work.records:
                _report(work, as_json=as_json)
            raise
    _report(work, as_json=as_json)
    if stopped:
        click.echo("agentfix: stopped; the table holds what was finished.", err=True)
        context.exit(STOPPED)


def _resume(work: Work, file: str, output: Path | None) -> Callable[[Record], None]:
    """Take the finished records of the output file, if there is one; returns what appends to it."""
    from agentfix.evals import RecordFile  # noqa: PLC0415

    if output is None:
        return lambda record: None
    settings = work.settings
    stored = RecordFile(output, {
        "data": Path(file).stem, "model": settings.model, "critic_model": settings.critic_model, "seed": settings.seed,
        "sandbox": settings.sandbox, "equal_tokens": work.equal_tokens,
        **({"tools": list(settings.tools)} if settings.tools else {}),
        **({"corpus": settings.corpus} if "corpus" in settings.model_fields_set else {}),
    })
    wanted = {item.id for item in work.items}
    work.records += [r for r in stored.records if r.item in wanted and r.strategy in work.strategies]
    return stored.append


def _report(work: Work, *, as_json: bool) -> None:
    from agentfix.evals import summarise  # noqa: PLC0415

    summaries = summarise(work.records, work.strategies, seed=work.settings.seed)
    if as_json:
        click.echo(json.dumps(eval_object(summaries, work.records, model=work.settings.model, seed=work.settings.seed)))
    else:
        show_table(summaries, work.records)


def _agent(settings: Settings) -> AbstractAsyncContextManager[Runs]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings, reuse=True)
