"""Accuracy against what was spent on it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentfix.evals.comparison import Share, by_item, share_of
from agentfix.evals.record import Record, Stage


@dataclass(frozen=True, slots=True)
class Point:
    """How a strategy stands after some round."""

    completion_tokens: float
    """Mean per run."""
    accuracy: Share


def stages_of(record: Record) -> tuple[Stage, ...]:
    """After each round; of a record that does not know its rounds, only the result."""
    return record.stages or (Stage(record.attempts, record.correct, record.completion_tokens),)


def curve(records: Sequence[Record]) -> tuple[Point, ...]:
    """For each round, what would have come of all runs, had none gone on after it; a run that ended before keeps its
    result.

    Args:
        records: of one strategy.
    """
    longest = max((len(stages_of(record)) for record in records), default=0)
    return tuple(_point(records, number) for number in range(longest))


def _point(records: Sequence[Record], number: int) -> Point:
    def stage(record: Record) -> Stage:
        stages = stages_of(record)
        return stages[min(number, len(stages) - 1)]

    return Point(sum(stage(record).completion_tokens for record in records) / len(records),
                 share_of(list(by_item(records, lambda record: stage(record).correct).values())))
