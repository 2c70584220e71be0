"""`agentfix fit-abstention` and `agentfix auto teach`: learn from what `agentfix eval --output` wrote."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from pathlib import Path

import click

from agentfix import Agent, InputError, Settings, load_settings, one_line

from .auto import CANDIDATES, NAME, taught
from .conformal import NEVER, fit_threshold
from .records import Run, of_one_strategy, read_runs

_RECORDS = click.argument("records", type=click.Path(path_type=Path), metavar="RECORDS.jsonl")
DECIMALS = 4


@click.command("fit-abstention")
@_RECORDS
@click.option("--error", type=float, required=True, metavar="SHARE", help="The share of all questions that may be "
              "answered wrongly, such as 0.1.")
@click.option("--strategy", help="Whose runs are meant, where the file holds those of several.")
def fit_abstention(records: Path, error: float, strategy: str | None) -> int:
    """Find the threshold for `abstain` that keeps a promise.

    RECORDS.jsonl is a file that `agentfix eval --output` wrote. The promise holds for questions that come from where
    those came from, with the same model and strategy. Exit status: 0 when there is a threshold, 1 when there is none.
    """
    runs = of_one_strategy(read_runs(records), strategy, records)
    confidences = [_confidence(run, records) for run in runs]
    correct = [run.correct for run in runs]
    # Rounded up: a higher threshold keeps every promise that a lower one keeps.
    exact = fit_threshold(confidences, correct, error)
    threshold = math.ceil(exact * 10**DECIMALS) / 10**DECIMALS
    ran = {run.ran for run in runs}
    name = one_line(runs[0].ran if len(ran) == 1 else runs[0].strategy)
    if threshold >= NEVER:
        click.echo(f"No threshold keeps {error:.1%}: nothing would be answered. {_needed(error, len(runs))}".strip())
        return 1
    answered = [right for confidence, right in zip(confidences, correct, strict=True) if confidence > threshold]
    wrong = len(answered) - sum(answered)
    click.echo(f"Threshold {threshold:g}, fitted to {len(runs):,} run{'' if len(runs) == 1 else 's'} of {name}.")
    click.echo(f"Promised: of new questions like these, at most {error:.1%} are answered and wrong, on average "
               "(conformal risk control; it is no promise about the share among the answers).")
    click.echo(f"Here: {len(answered) / len(runs):.1%} answered, {wrong / len(runs):.1%} answered and wrong"
               + (f", {wrong / len(answered):.1%} of the answers wrong." if answered else "."))
    if len(ran) > 1:
        click.echo("These runs drew different numbers of answers: there is no one strategy that it could be used with.")
        return 0
    click.echo(f"Use it: agentfix run --strategy abstain:{threshold:g}:{name} QUESTION")
    return 0


@click.group()
def auto() -> None:
    """Teach the strategy `auto` which strategy pays for which kind of task."""


@auto.command()
@_RECORDS
@click.option("--kind", required=True, help="The kind of the file's tasks, such as math.")
def teach(records: Path, kind: str) -> None:
    """Learn from RECORDS.jsonl, a file that `agentfix eval --output` wrote.

    Teach a file once: its runs are added to what is remembered.
    """
    runs = read_runs(records)
    known = [run for run in runs if run.ran in CANDIDATES]
    others = sorted({run.ran for run in runs} - set(CANDIDATES))
    if not known:
        raise InputError(f"{records} holds runs of {', '.join(others)} only.",
                         f"'auto' chooses among {', '.join(CANDIDATES)}.")
    asyncio.run(_teach(load_settings(), kind, known))
    for name, count in Counter(run.ran for run in known).items():
        right = sum(run.correct for run in known if run.ran == name)
        click.echo(f"{one_line(name)}: {right:,} of {count:,} right")
    if others:
        click.echo(f"agentfix: left out, as 'auto' does not choose them: {one_line(', '.join(others))}", err=True)


async def _teach(settings: Settings, kind: str, runs: list[Run]) -> None:
    async with Agent(settings) as agent:
        agent.plugins.find("kind", kind)
        await agent.memory.learn(NAME, kind, lambda held: taught(held, [(r.ran, r.correct, r.tokens) for r in runs]))


def _confidence(run: Run, records: Path) -> float:
    """A run that failed answered nothing."""
    if run.error:
        return 0.0
    if run.confidence is None:
        raise InputError(f"{records} does not say how sure its answers were.", "Run the evaluation anew.")
    return run.confidence


def _needed(error: float, runs: int) -> str:
    needed = math.ceil(1 / error) - 1
    return f"It takes {needed:,} runs at the least, and these are {runs:,}." if runs < needed else ""
