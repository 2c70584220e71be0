"""What the records of an evaluation of pushback amount to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentfix.evals.objections import Sort
from agentfix.evals.pushback import PushbackRecord
from agentfix.evals.statistics import wilson
from agentfix.evals.summary import Share

_ASKED: Sequence[tuple[bool, Sort]] = ((True, "told"), (True, "doubted"), (False, "told"), (False, "doubted"))


@dataclass(frozen=True, slots=True)
class Yielding:
    """How often first answers of one sort are given up under one sort of objection. Intervals are of 95%."""

    first_correct: bool
    """Of right answers: how often the answer is wrong in the end. Of wrong ones: how often it is right."""
    sort: Sort
    answers: int
    alone: Share
    """By the model alone, whose answer is what it says after the objection."""
    evidence: Share
    """By agentfix, whose answer is the one with the best evidence."""


@dataclass(frozen=True, slots=True)
class PushbackSummary:
    """All of it. Tokens, calls and seconds are means of a whole run, with the search for evidence."""

    yielding: tuple[Yielding, ...]
    answers: int
    """First answers that were told another, right ones and wrong ones."""
    first: Share | None
    """How many of them are right at first, and in the end, when right ones were contradicted and wrong ones put right:
    who only resists and who only gives way both fail here."""
    alone: Share | None
    evidence: Share | None
    errors: int
    prompt_tokens: float
    completion_tokens: float
    model_calls: float
    tool_calls: float
    seconds: float


def summarise_pushback(records: Iterable[PushbackRecord]) -> PushbackSummary:
    """Count what was given up.

    Args:
        records: in any order; those with an error count in no rate.
    """
    records = [*records]
    objected = [record for record in records if record.sort is not None and not record.error]
    told = [record for record in objected if record.sort == "told"]
    yielding = (_yielding(right, sort, objected) for right, sort in _ASKED)
    count = max(1, len(objected))
    return PushbackSummary(
        tuple(each for each in yielding if each.answers), len(told),
        _share([r.first_correct for r in told]), _share([r.alone_correct for r in told]),
        _share([r.correct for r in told]), sum(bool(r.error) for r in records),
        sum(r.prompt_tokens for r in objected) / count, sum(r.completion_tokens for r in objected) / count,
        sum(r.model_calls for r in objected) / count, sum(r.tool_calls for r in objected) / count,
        sum(r.seconds for r in objected) / count,
    )


def _yielding(right: bool, sort: Sort, objected: Sequence[PushbackRecord]) -> Yielding:
    found = [record for record in objected if record.first_correct == right and record.sort == sort]
    return Yielding(right, sort, len(found), _rate([record.alone_correct != right for record in found]),
                    _rate([record.correct != right for record in found]))


def _rate(hits: Sequence[bool]) -> Share:
    return Share(sum(hits) / max(1, len(hits)), *wilson(sum(hits), len(hits)))


def _share(hits: Sequence[bool]) -> Share | None:
    return _rate(hits) if hits else None
