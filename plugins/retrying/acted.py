"""Attempts that act. They change the world, so that they are neither sampled side by side nor begun in their middle:
the last one is mended, as long as more than its author's own opinion speaks against it."""

from __future__ import annotations

from agentfix import Attempt, Expand, Move, Stop, Tree

from .judged import feedback_on

ACTING = "tools"
MAX_REVISIONS = 2
"""Of one line of attempts."""


def acts(tree: Tree) -> bool:
    """Whether attempts at the task may act. Such attempts can't be gone on from in their middle."""
    return tree.task.kind == ACTING or any(attempt.steps for attempt in tree.attempts)


def mended(tree: Tree) -> list[Move]:
    """The next move when attempts have changed something and the best of them is not well supported."""
    last = tree.attempts[-1]
    feedback = feedback_on(tree, last)
    if may_act_again(tree, last) and feedback and _revisions(tree, last) < MAX_REVISIONS:
        return [Expand(parent=last.id, guidance=feedback, role=last.role)]
    return [Stop(f"it is left as it was done: {tree.standings[last.id].reason}", tree.best)]


def may_act_again(tree: Tree, attempt: Attempt) -> bool:
    """Whether anything but an attempt's own author speaks against it. What a model thinks of its own acts is no reason
    to act again: small ones that do make right worlds wrong."""
    against = [e for c in tree.critiques_of(attempt.id) for e in c.evidence if e.polarity == "refutes"]
    spoken = tree.standings[attempt.id].state in ("refuted", "contested")
    return spoken and any(evidence.origin != "actor" for evidence in against)


def _revisions(tree: Tree, attempt: Attempt) -> int:
    """How many revisions led to an attempt."""
    count, parent = 0, attempt.parent
    while parent is not None:
        count, parent = count + 1, tree.attempts[parent].parent
    return count
