"""`agentfix pushback`: first answers are contradicted; the table says how often they are given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from agentfix.cli.eval_guard import contaminated_option, guarded
from agentfix.cli.eval_table import percent, show
from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError
from agentfix.settings import Settings, load_settings

if TYPE_CHECKING:
    from agentfix.evals import Item, PushbackRecord, Runs, Share
    from agentfix.plugins import Plugins

STOPPED = 130
_SHOWN_ERRORS = 5
_PATH = click.Path(path_type=Path)

MakeAgent: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[Runs]]"


@click.command("pushback", short_help="Measure how often an answer is given up under an objection.")
@click.argument("file")
@click.option("--limit", type=click.IntRange(1), help="How many items are asked; all unless told.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many items are left out at the start.")
@click.option("--seed", type=int, help="Where chance starts from; each item adds its row.")
@click.option("--model", help="The model, as backend:name.")
@click.option("--sandbox", help="Where programs run, those that are judged too.")
@plugin_option
@contaminated_option
@click.option("--format", "format_name", help="Which data set's rows the file holds; its name says so unless told.")
@click.option("--data-dir", type=_PATH, help="The folder of data sets that are given by name only.")
@click.option("--output", type=_PATH, help="Append each outcome to this file of JSON lines, and leave out those "
              "that it holds already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def pushback(context: click.Context, file: str, limit: int | None, offset: int, format_name: str | None,
             data_dir: Path | None, output: Path | None, as_json: bool, quiet: bool, skip_contaminated: bool,
             named: tuple[str, ...], **arguments: Any) -> None:
    """Ask the questions of FILE, as eval does, and object to the first answers: right ones are told a wrong answer,
    wrong ones the right answer, and both that they seem wrong.

    The table says how often the model alone gives its answer up, and how often it is given up when the best evidence is
    kept. Ctrl-C prints what is finished.
    """
    from agentfix.evals import load  # noqa: PLC0415
    from agentfix.plugins import Plugins  # noqa: PLC0415

    arguments["memory"] = False  # what a strategy learnt from one item must not help with the next
    settings = with_plugins(load_settings(arguments), named)
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    items = load(file, plugins, data_dir=data_dir, pulled_dir=settings.datasets_dir, format_name=format_name,
                 offset=offset, limit=limit)
    items = guarded(items, plugins, skip_contaminated=skip_contaminated)
    records, append = _resume(settings, file, output, items)
    if context.obj is None and len(records) < len(items):
        from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
        from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - loads plugins

        fetch_models(settings)
        context.with_resource(loaded_model(settings))

    def keep(record: PushbackRecord) -> None:
        records.append(record)
        append(record)
        if not quiet:
            click.echo(one_line(f"{record.item}: {_told(record)}"), err=True)

    try:
        asyncio.run(_object(context.obj or _agent, settings, plugins, items, tuple(records), keep))
    except KeyboardInterrupt:
        _report(records, settings, as_json=as_json)
        click.echo("agentfix: stopped; the table holds what was finished.", err=True)
        context.exit(STOPPED)
    except AgentFixError:
        if records:
            _report(records, settings, as_json=as_json)
        raise
    _report(records, settings, as_json=as_json)


def _told(record: PushbackRecord) -> str:
    if record.error:
        return f"error: {record.error}"
    first, alone, last = ("right" if correct else "wrong" for correct in (
        record.first_correct, record.alone_correct, record.correct))
    return f"{first}, {record.sort}; then alone {alone}, by the best evidence {last}; {record.seconds:.1f} s"


async def _object(make_agent: MakeAgent, settings: Settings, plugins: Plugins, items: Sequence[Item],
                  done: Sequence[PushbackRecord], keep: Callable[[PushbackRecord], None]) -> None:
    from agentfix.evals import PushbackEvaluation, SandboxJudge  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        judge = SandboxJudge(plugins.build("sandbox", settings.sandbox))
        stack.push_async_callback(judge.aclose)
        runs = await stack.enter_async_context(make_agent(settings))
        async for record in PushbackEvaluation(runs, judge, items, settings.seed).records(done):
            keep(record)


def _resume(settings: Settings, file: str, output: Path | None,
            items: Sequence[Item]) -> tuple[list[PushbackRecord], Callable[[PushbackRecord], None]]:
    """The finished records of the output file, if there is one, and what appends to it."""
    from agentfix.evals import PushbackRecord, RecordLines  # noqa: PLC0415

    if output is None:
        return [], lambda record: None
    stored = RecordLines(output, {
        "pushback": Path(file).stem, "model": settings.model, "critic_model": settings.critic_model,
        "seed": settings.seed, "sandbox": settings.sandbox,
    }, PushbackRecord)
    click.get_current_context().call_on_close(stored.close)
    return stored.of(items), stored.append


def _report(records: Sequence[PushbackRecord], settings: Settings, *, as_json: bool) -> None:
    from agentfix.evals import summarise_pushback  # noqa: PLC0415

    summary = summarise_pushback(records)
    if as_json:
        click.echo(json.dumps({"model": settings.model, "seed": settings.seed, "summary": asdict(summary),
                               "items": [asdict(record) for record in records]}))
        return
    rows = [[_NAMES[each.first_correct, each.sort], f"{each.answers}", percent(each.alone), percent(each.evidence)]
            for each in summary.yielding]
    if summary.first is not None:
        rows += [["all that are told an answer: right at first", f"{summary.answers}", _percent(summary.first),
                  _percent(summary.first)],
                 ["all that are told an answer: right in the end", f"{summary.answers}",
                  _percent(summary.alone), _percent(summary.evidence)]]
    show([["", "answers", "the model alone", "the best evidence is kept"], *rows])
    click.echo(f"\nA run: {summary.prompt_tokens:,.0f} prompt and {summary.completion_tokens:,.0f} completion tokens, "
               f"{summary.model_calls:.1f} model and {summary.tool_calls:.1f} tool calls, {summary.seconds:.1f} s.")
    errors = [record for record in records if record.error]
    if errors:
        click.echo(f"Failed, and counted in no row: {len(errors)}.")
    for record in errors[:_SHOWN_ERRORS]:
        click.echo(f"{record.item}: {one_line(record.error)}", err=True)
    if len(errors) > _SHOWN_ERRORS:
        click.echo(f"... {len(errors) - _SHOWN_ERRORS} more", err=True)


def _agent(settings: Settings) -> AbstractAsyncContextManager[Runs]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings, reuse=True)


def _percent(share: Share | None) -> str:
    return "" if share is None else percent(share)


_NAMES = {
    (True, "told"): "right, told a wrong answer: given up",
    (True, "doubted"): "right, only doubted: given up",
    (False, "told"): "wrong, told the right answer: put right",
    (False, "doubted"): "wrong, only doubted: put right",
}
