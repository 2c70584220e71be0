"""Which round of a run broke its answer: found in what the run was, without asking anybody. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agentfix.types import Result


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run would have returned after a round."""

    round: int
    """From 1."""
    best: int
    """Id of the attempt."""
    right: bool


@dataclass(frozen=True, slots=True)
class Bisection:
    """The rounds of a run, and the first one that broke its answer."""

    stages: tuple[Stage, ...]
    broken: Stage | None
    """The first stage whose answer is wrong though that of the stage before was right; None where there is none."""
    before: Stage | None
    """The stage before that one."""
    missed: tuple[int, ...]
    """Attempts that give a right answer and were the best after no round."""


def bisected(result: Result, right: Callable[[str], bool]) -> Bisection:
    """Find the round that broke an answer.

    Args:
        result: of a run that ended.
        right: whether an answer is right; asked once for each different one. No answer is wrong.
    """
    known: dict[str, bool] = {}

    def is_right(attempt: int) -> bool:
        answer = result.attempts[attempt].answer
        if answer is None:
            return False
        if answer not in known:
            known[answer] = right(answer)
        return known[answer]

    bests = [ended.best for ended in result.rounds]
    if result.best is not None and bests[-1:] != [result.best]:
        bests.append(result.best)  # what came after the last round was noted made another attempt the best
    stages = tuple(Stage(number, best, is_right(best)) for number, best in enumerate(bests, 1))
    before, broken = next(((b, a) for b, a in pairwise(stages) if b.right and not a.right), (None, None))
    missed = tuple(a.id for a in result.attempts if a.id not in bests and is_right(a.id))
    return Bisection(stages, broken, before, missed)
