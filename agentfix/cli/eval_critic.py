"""`agentfix eval-critic`: recorded answers through critics, with a table of how good each of them is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
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
    from agentfix.evals import Area, CriticRecord, CriticSummary, JudgedAnswer, Reviews, Share

STOPPED = 130
_SHOWN_ERRORS = 5
_PATH = click.Path(path_type=Path)

MakeAgent: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[Reviews]]"


@click.command("eval-critic", short_help="Have recorded answers judged by critics and compare them.")
@click.argument("file")
@click.option("--critic", "critics", multiple=True, required=True, help="Who judges; may be given several times. An "
              "argument follows a colon.")
@click.option("--limit", type=click.IntRange(1), help="How many answers are judged; all unless told.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many answers are left out at the start.")
@click.option("--seed", type=int, help="Where chance starts from.")
@click.option("--model", help="The critics' model, as backend:name.")
@click.option("--sandbox", help="Where programs run.")
@click.option("--kind", help="Of the questions; by what each looks like unless told.")
@plugin_option
@contaminated_option
@click.option("--data-dir", type=_PATH, help="The folder of files that are given by name only.")
@click.option("--output", type=_PATH, help="Append each verdict to this file of JSON lines, and leave out the answers "
              "it holds already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def eval_critic(context: click.Context, file: str, critics: tuple[str, ...], limit: int | None, offset: int,
                data_dir: Path | None, output: Path | None, as_json: bool, quiet: bool, skip_contaminated: bool,
                named: tuple[str, ...], **arguments: Any) -> None:
    """Have the answers of FILE judged by critics; nobody is asked for another answer.

    FILE holds one JSON object a line, or is a CSV file whose first line names the fields.

    A row has a question, an answer and a label that says whether it is right (true, false, "correct", "incorrect"); or,
    as in ProcessBench, a problem, steps and a label that is the index of the first wrong step, -1 when all are right.
    Ctrl-C prints what is finished.
    """
    from agentfix.evals import load_judged  # noqa: PLC0415
    from agentfix.plugins import Plugins  # noqa: PLC0415

    if arguments["model"] is not None:
        arguments["critic_model"] = arguments["model"]
    settings = with_plugins(load_settings(arguments), named)
    critics = tuple(dict.fromkeys(critics))
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    for critic in critics:
        plugins.find("critic", critic.partition(":")[0])
    answers = load_judged(file, data_dir=data_dir, offset=offset, limit=limit)
    answers = guarded(answers, plugins, skip_contaminated=skip_contaminated)
    records, append = _resume(settings, file, output, answers, critics)
    if context.obj is None and len(records) < len(answers) * len(critics):
        from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
        from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - loads plugins

        fetch_models(settings)
        context.with_resource(loaded_model(settings))

    def keep(record: CriticRecord) -> None:
        records.append(record)
        append(record)
        if not quiet:
            said = f"error: {record.error}" if record.error else f"{record.verdict}, {record.seconds:.1f} s"
            click.echo(one_line(f"{len(records)}/{len(answers) * len(critics)} {record.item} {record.critic}: {said} "
                                f"(the answer is {'right' if record.right else 'wrong'})"), err=True)

    try:
        asyncio.run(_judge(context.obj or _agent, settings, answers, critics, tuple(records), keep))
    except KeyboardInterrupt:
        _report(records, critics, settings, as_json=as_json)
        click.echo("agentfix: stopped; the table holds what was finished.", err=True)
        context.exit(STOPPED)
    except AgentFixError:
        if records:
            _report(records, critics, settings, as_json=as_json)
        raise
    _report(records, critics, settings, as_json=as_json)


async def _judge(make_agent: MakeAgent, settings: Settings, answers: Sequence[JudgedAnswer], critics: Sequence[str],
                 done: Sequence[CriticRecord], keep: Callable[[CriticRecord], None]) -> None:
    from agentfix.evals import CriticEvaluation  # noqa: PLC0415

    async with make_agent(settings) as reviews:
        async for record in CriticEvaluation(reviews, answers, critics).records(done):
            keep(record)


def _resume(settings: Settings, file: str, output: Path | None, answers: Sequence[JudgedAnswer],
            critics: Sequence[str]) -> tuple[list[CriticRecord], Callable[[CriticRecord], None]]:
    """The finished records of the output file, if there is one, and what appends to it."""
    from agentfix.evals import CriticRecord, RecordLines  # noqa: PLC0415

    if output is None:
        return [], lambda record: None
    stored = RecordLines(output, {
        "judged": Path(file).stem, "model": settings.critic_model or settings.model, "seed": settings.seed,
        "sandbox": settings.sandbox, "kind": settings.kind,
    }, CriticRecord)
    click.get_current_context().call_on_close(stored.close)
    return [record for record in stored.of(answers) if record.critic in critics], stored.append


def _report(records: Sequence[CriticRecord], critics: Sequence[str], settings: Settings, *, as_json: bool) -> None:
    from agentfix.evals import summarise_critics  # noqa: PLC0415

    summaries = summarise_critics(records, critics, seed=settings.seed)
    if as_json:
        click.echo(json.dumps({
            "model": settings.critic_model or settings.model, "seed": settings.seed,
            "critics": [asdict(summary) for summary in summaries], "answers": [asdict(record) for record in records],
        }))
        return
    if not summaries:
        click.echo("Nothing was finished.")
        return
    rows = [[name, *(cell(summary) for summary in summaries)] for name, cell in _ROWS]
    show([["", *(summary.critic for summary in summaries)], *(row for row in rows if any(row[1:]))])
    errors = [record for record in records if record.error]
    for record in errors[:_SHOWN_ERRORS]:
        click.echo(f"{record.item}, {record.critic}: {one_line(record.error)}", err=True)
    if len(errors) > _SHOWN_ERRORS:
        click.echo(f"... {len(errors) - _SHOWN_ERRORS} more", err=True)


def _agent(settings: Settings) -> AbstractAsyncContextManager[Reviews]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings)


def _percent(share: Share | None) -> str:
    return "" if share is None else percent(share)


def _of_steps(summary: CriticSummary, share: Share | None) -> str:
    return "-" if share is not None and not summary.steps_named else _percent(share)


def _area(area: Area | None) -> str:
    if area is None:
        return ""
    return f"{area.value:.3f}" if area.low is None else f"{area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"


_ROWS: tuple[tuple[str, Callable[[CriticSummary], str]], ...] = (
    ("answers", lambda s: f"{s.answers}"),
    ("  of them right", lambda s: f"{s.right}"),
    ("right ones accepted", lambda s: _percent(s.right_accepted)),
    ("wrong ones refused", lambda s: _percent(s.wrong_refused)),
    ("F1, right or wrong", lambda s: _percent(s.f1)),
    ("first wrong step found", lambda s: _of_steps(s, s.step_found)),
    ("F1, with the step", lambda s: _of_steps(s, s.step_f1)),
    ("abstained", lambda s: f"{s.abstained}"),
    ("errors", lambda s: f"{s.errors}"),
    ("scored", lambda s: f"{s.scored}"),
    ("AUROC", lambda s: _area(s.auroc)),
    ("ECE", lambda s: "" if s.ece is None else f"{s.ece:.3f}"),
    ("prompt tokens", lambda s: f"{s.prompt_tokens:,.0f}"),
    ("  of them cached", lambda s: f"{s.cached_prompt_tokens:,.0f}"),
    ("completion tokens", lambda s: f"{s.completion_tokens:,.0f}"),
    ("model calls", lambda s: f"{s.model_calls:.1f}"),
    ("tool calls", lambda s: f"{s.tool_calls:.1f}"),
    ("seconds", lambda s: f"{s.seconds:.1f}"),
)
"""Tokens, calls and seconds are means per answer; intervals are of 95%. A critic that never named a step has - for
what is counted of steps."""
