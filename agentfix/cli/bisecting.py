"""Which round of a run broke its answer, told to a person."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agentfix.bisection import Bisection, bisected
from agentfix.cli.question import read_checks
from agentfix.cli.visible import one_line
from agentfix.errors import InputError
from agentfix.journal import RunSummary
from agentfix.settings import Settings
from agentfix.types import EvidenceClass, Result, Task

ANSWER_CHARACTERS = 80


async def bisect(run: RunSummary, answer: str | None, tests: Path | None, settings: Settings) -> Bisection:
    """Find the round that broke the answer of a run.

    Args:
        run: that ended.
        answer: the right one; others that the kind takes for the same are right too.
        tests: checks of the answer, instead.
        settings: of this machine.

    Raises:
        InputError: the run has not ended, or not exactly one of `answer` and `tests` was given.
    """
    if run.result is None:
        raise InputError(f"Run {run.id!r} has not ended.", f"Go on with it: agentfix resume {run.id}")
    if (answer is None) == (tests is None):
        raise InputError("What is right was said not at all, or twice.", "Give --answer TEXT or --tests FILE.")
    given = {a.answer for a in run.result.attempts if a.answer is not None}
    kind = str(run.settings.get("kind", ""))
    settings = settings.model_copy(update={
        "kind": kind if kind.partition(":")[0] == run.result.kind else run.result.kind, "journal": "memory"})
    right = _same(given, answer, settings) if answer is not None else await _pass(given, run.question, tests, settings)
    return bisected(run.result, right.__contains__)


def _same(answers: set[str], right: str, settings: Settings) -> set[str]:
    """Those answers that are the right one, as the kind of the run has it."""
    from agentfix.plugins import Plugins  # noqa: PLC0415 - loads plugins

    name, _, argument = settings.kind.partition(":")
    kind = Plugins(settings).build("kind", name, argument)
    return {answer for answer in answers if kind.same(answer, right)}


async def _pass(answers: set[str], question: str, tests: Path | None, settings: Settings) -> set[str]:
    """Those answers that pass the tests. No model is asked."""
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    task = Task(question, settings.kind, read_checks(tests))
    async with Agent(settings) as agent:
        return {answer for answer in answers if (await agent.averify(
            task, answer, critics=("tests",))).supported_by is EvidenceClass.CONTRACT}


def tell(found: Bisection, result: Result) -> None:
    """Print it."""
    for stage in found.stages:
        answer = one_line(result.attempts[stage.best].answer or "(no answer)")[:ANSWER_CHARACTERS]
        click.echo(f"round {stage.round}: attempt {stage.best} is the best, and {'right' if stage.right else 'wrong'}: "
                   f"{answer}")
    if found.broken is not None and found.before is not None:
        gone, taken = found.before.best, found.broken.best
        click.echo(f"Round {found.broken.round} broke it: attempt {taken} took the place of attempt {gone}.")
        for attempt in (gone, taken):
            standing = result.standings[attempt]
            click.echo(f"  attempt {attempt}: {standing.state}, {one_line(standing.reason)}")
    elif any(stage.right for stage in found.stages):
        click.echo("No round broke it.")
    else:
        click.echo("It was never right.")
    if found.missed:
        click.echo(f"Right, and never the best: attempt {', '.join(map(str, found.missed))}.")


def plain(found: Bisection, run: str) -> dict[str, Any]:
    """It as JSON."""
    return {"run": run, **asdict(found)}
