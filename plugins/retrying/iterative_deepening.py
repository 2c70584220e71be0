"""Strategy `iterative-deepening` (Chen et al., "Iterative Deepening Sampling", 2025, section 4): budgets that double,
and at the end of each a triggered self-correction.

Level k draws 2**(k-1) samples of the question. Unless that brought support, the best of the level is cut before its
first wrong step where a critic or its failed program says which that is, else in its middle, and the actor goes on from
there after a sentence that makes it doubt. The paper's budgets are tokens of one answer; here they are samples, which
evidence can compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Attempt, EvidenceClass, Expand, Move, Remaining, Stop, Tree, steps_of

from .acted import acts, mended
from .judged import fresh, opening
from .prompts import render
from .scores import by_score
from .wrong_step import first_wrong_step, whole

LEVELS = 4
MOST_LEVELS = 7
"""The last of them draws 64 samples, as many as one move may ask for."""
TEMPERATURE = 0.7


class IterativeDeepening:
    """See the module.

    Args:
        levels: how often the budget doubles, the first one included.
    """

    name = "iterative-deepening"

    def __init__(self, levels: int = LEVELS) -> None:
        self._levels = levels

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        moves = opening(tree, EvidenceClass.AGREEMENT)
        if moves is not None:
            return moves
        if any(tree.acts):
            return mended(tree)
        if tree.attempts[-1].parent is None:
            return [_correction(tree)]
        drawn = len(fresh(tree))
        level = (drawn + 1).bit_length()
        if level > self._levels:
            return [Stop(f"all {self._levels} levels were drawn", tree.best)]
        return [Expand(n=2**level - 1 - drawn, temperature=TEMPERATURE)]


def _correction(tree: Tree) -> Expand:
    """Go on from the best prefix of the level that was drawn last."""
    last = max((a.id for a in tree.attempts if a.parent is not None), default=-1)
    level = tuple(attempt for attempt in tree.attempts if attempt.id > last)
    best, trigger = by_score(tree, level)[0], render("trigger")
    keep = 0 if acts(tree) else _kept(tree, best)
    return Expand(parent=best.id, keep_steps=keep, guidance=trigger) if keep else whole(tree, best, trigger)


def _kept(tree: Tree, attempt: Attempt) -> int:
    wrong = first_wrong_step(tree, attempt)
    return len(steps_of(attempt.text)) // 2 if wrong is None else wrong
