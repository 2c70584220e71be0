"""Strategy `rewind` (Yuan et al., "Agent-R", 2025, section 3): a refuted attempt is cut before its first wrong step,
and the actor goes on from there, told what was wrong.

The paper finds that step with the actor itself, in trajectories that a search has drawn, and trains on what comes out;
here it is found where a critic or the failing line of a program says, and else by `first-error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Attempt, Expand, Move, Remaining, Review, Stop, Tree, defused, steps_of

from .acted import acts, mended
from .first_error import NAME as FIRST_ERROR
from .judged import feedback_on, fresh, opening
from .prompts import render
from .wrong_step import first_wrong_step, whole

REWINDS = 3
MOST_REWINDS = 16
TEMPERATURE = 0.7
"""Of a revision after one that changed nothing."""
SHOWN_CHARS = 200
"""Of the wrong step, as the actor is reminded of it."""


class Rewind:
    """See the module.

    Args:
        rewinds: how often it may go back.
    """

    name = "rewind"

    def __init__(self, rewinds: int = REWINDS) -> None:
        self._rewinds = rewinds

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        moves = opening(tree)
        if moves is not None:
            return moves
        if any(tree.acts):
            return mended(tree)
        assert tree.best is not None
        best = tree.attempts[tree.best]
        left = self._rewinds - sum(attempt.parent is not None for attempt in tree.attempts)
        wrong = next((a for a in (tree.attempts[-1], best) if _to_mend(tree, a)), None) if left > 0 else None
        if wrong is not None:
            return [_mend(tree, wrong)]
        tried = {attempt.role for attempt in fresh(tree)}
        if role := next((role for role in tree.roles if role not in tried), ""):
            return [Expand(role=role)]
        if left > 0 and _can_be_looked_at(tree, best):
            return [Review((best.id,), (FIRST_ERROR,))]
        return [Stop(tree.standings[best.id].reason, best.id)]


def _to_mend(tree: Tree, attempt: Attempt) -> bool:
    """Whether something is wrong with an attempt that nothing was made of yet."""
    refuted = tree.standings[attempt.id].state == "refuted"
    located = any(c.critic == FIRST_ERROR and c.verdict == "revise" for c in tree.critiques_of(attempt.id))
    followed = any(other.parent == attempt.id for other in tree.attempts)
    return (refuted or located) and not followed and _repeats(tree, attempt) < 2


def _mend(tree: Tree, attempt: Attempt) -> Move:
    """Find the first wrong step, or go on from what stands before it; without such a prefix, write all anew."""
    repeats = _repeats(tree, attempt)
    step = None if acts(tree) else first_wrong_step(tree, attempt)
    if step is None and _can_be_looked_at(tree, attempt):
        return Review((attempt.id,), (FIRST_ERROR,))
    fault = defused(feedback_on(tree, attempt) or tree.standings[attempt.id].reason)
    steps = steps_of(attempt.text)
    if step is None or repeats or all(kept.strip().startswith("```") for kept in steps[:step]):
        return whole(tree, attempt, fault, TEMPERATURE if repeats else 0.0)
    wrong = steps[step].strip()[:SHOWN_CHARS]
    guidance = fault if wrong in fault else render("wrong_step", step=wrong, fault=fault)
    return Expand(parent=attempt.id, keep_steps=step, guidance=guidance)


def _can_be_looked_at(tree: Tree, attempt: Attempt) -> bool:
    """Whether `first-error` may know more than is known. Of an empty answer it is not asked."""
    critics = {critique.critic for critique in tree.critiques_of(attempt.id)}
    return not critics & {FIRST_ERROR, "engine"} and not acts(tree) and len(steps_of(attempt.text)) > 1


def _repeats(tree: Tree, attempt: Attempt) -> int:
    """How many of those that an attempt goes back to say the same."""
    count, parent = 0, attempt.parent
    while parent is not None:
        count += tree.attempts[parent].text == attempt.text
        parent = tree.attempts[parent].parent
    return count
