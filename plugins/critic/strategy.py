"""Strategy `critic` (Gou et al., "CRITIC", ICLR 2024, algorithm 1): review with tools, revise what they refute.

Two things differ from the paper, because small models gain little from prose (its table 5). An answer that nothing
refutes is not thereby right: the loop goes on until something that could have failed supports it, asking for
independent derivations where the kind has a second way to the answer. And the result is the best attempt, not the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Attempt, EvidenceClass, Expand, Move, Remaining, Review, Stop, Tree

ENGINE_CRITICS = frozenset({"engine", "agreement"})
MAX_REVISIONS = 2
"""Of one line of attempts; after that a fresh one is worth more."""
TEMPERATURE = 0.7
"""For fresh attempts after the greedy ones."""


class CriticLoop:
    """See the module."""

    name = "critic"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]
        open_ = tuple(a.id for a in tree.attempts if not _reviewed(tree, a))
        if open_:
            return [Review(open_)]
        best = tree.best
        assert best is not None
        standing = tree.standings[best]
        if standing.state == "supported" and (standing.kind or 0) >= EvidenceClass.AGREEMENT:
            return [Stop(f"supported by {EvidenceClass(standing.kind or 0).label}", best)]
        return [_revision(tree) or _fresh(tree)]


def _reviewed(tree: Tree, attempt: Attempt) -> bool:
    critics = {c.critic for c in tree.critiques_of(attempt.id)}
    return "engine" in critics or bool(critics - ENGINE_CRITICS)


def _revision(tree: Tree) -> Expand | None:
    """Mend the latest attempt, if a check refuted it and mending it got somewhere so far."""
    last = tree.attempts[-1]
    standing = tree.standings[last.id]
    if standing.state != "refuted" or (standing.kind or 0) < EvidenceClass.MEASUREMENT:
        return None
    feedback = next((c.feedback for c in tree.critiques_of(last.id) if c.verdict == "revise" and c.feedback), "")
    revisions, parent = 0, last.parent
    while parent is not None:
        revisions, parent = revisions + 1, tree.attempts[parent].parent
    unchanged = last.parent is not None and tree.attempts[last.parent].program == last.program
    if not feedback or unchanged or revisions >= MAX_REVISIONS:
        return None
    return Expand(parent=last.id, guidance=feedback, role=last.role)


def _fresh(tree: Tree) -> Expand:
    """A new way to the answer: the role that was tried least, greedy the first time."""
    tried = [a.role for a in tree.attempts if a.parent is None]
    role = min(tree.roles, key=tried.count)
    return Expand(role=role, temperature=TEMPERATURE if role in tried else 0.0)
