"""Strategy `selective` (Zhou et al., "RefineCoder", 2025: adaptive critique refinement, ACR): samples are scored first,
and critique is spent only where the score is low.

The score is made of evidence, critics' scores and votes (see `scores`). The winner is challenged unless it scores high:
it is critiqued, and revised if its score stays low, and the revision must score higher to take its place. Then the next
best answer is challenged. The paper scores by tests and a judge, and trains on the critiques; here they are used at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Review, Stop, Tree

from .acted import mended
from .first_error import NAME as FIRST_ERROR
from .judged import feedback_on, fresh, opening, unreviewed
from .scores import HIGH, by_score, composite
from .wrong_step import whole

SAMPLES = 4
MOST_SAMPLES = 64
TEMPERATURE = 0.7
MAX_REVISIONS = 3


class Selective:
    """See the module.

    Args:
        samples: how many attempts are scored before any is critiqued.
    """

    name = "selective"

    def __init__(self, samples: int = SAMPLES) -> None:
        self._samples = samples

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]
        if any(tree.acts):
            return opening(tree) or mended(tree)
        drawn = len(fresh(tree))
        if drawn < self._samples:
            return [Expand(n=self._samples - drawn, temperature=TEMPERATURE)]
        if open_ := unreviewed(tree):
            return [Review(open_)]
        return [_challenge(tree, revisions=len(tree.attempts) - drawn)]


def _challenge(tree: Tree, revisions: int) -> Move:
    """Critique or revise what scores low, the best of it first; each answer once."""
    ranked = by_score(tree, tree.attempts)
    winner, score = ranked[0], composite(tree, ranked[0])
    if score >= HIGH:
        return Stop(f"attempt {winner.id} scores {score:.2f}: {tree.standings[winner.id].reason}", winner.id)
    if revisions >= MAX_REVISIONS:
        return Stop(f"{revisions} revisions were made; attempt {winner.id} scores {score:.2f}", winner.id)
    revised = {tree.groups[attempt.parent] for attempt in tree.attempts if attempt.parent is not None}
    for attempt in ranked:
        if tree.groups[attempt.id] in revised:
            continue
        if fault := feedback_on(tree, attempt):
            return whole(tree, attempt, fault)
        if all(critique.critic != FIRST_ERROR for critique in tree.critiques_of(attempt.id)):
            return Review((attempt.id,), (FIRST_ERROR,))
    return Stop(f"no critic finds fault with an answer that was not revised; attempt {winner.id} scores {score:.2f}",
                winner.id)
