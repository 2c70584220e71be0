"""Strategy `critic` (Gou et al., "CRITIC", ICLR 2024, algorithm 1): review with tools, revise what they refute.

Two things differ from the paper, because small models gain little from prose (its table 5). An answer that nothing
refutes is not thereby right: the loop goes on until something that could have failed supports it, asking for
independent derivations where the kind has a second way to the answer. And the result is the best attempt, not the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import ENGINE_CRITICS, Attempt, EvidenceClass, Expand, Move, Remaining, Review, Standing, Stop, Tree

from .acting import MAX_REVISIONS, feedback_on, lost, mend, revisions_of

FRESH = 3
"""Attempts sampled from each role at a time: they share one reading of the prompt."""
TEMPERATURE = 0.7
"""For fresh attempts after the greedy ones."""
MARGIN = 2
"""By how many independent attempts an answer must lead before the others are heard no longer. With 1, a greedy program
and a greedy derivation that disagree are decided by whatever is drawn next, which made right answers wrong."""


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
        if _enough(standing):
            return [Stop(standing.reason, best)]
        if any(tree.acts):
            return [mend(tree)]
        revision = _revision(tree)
        if revision is None and _contested(tree, standing):
            return [Stop(f"unresolved: {standing.reason}", best)]
        return [revision] if revision else _fresh(tree)


def _enough(standing: Standing) -> bool:
    if standing.state != "supported" or standing.kind is None:
        return False
    return standing.kind > EvidenceClass.AGREEMENT or (
        standing.kind == EvidenceClass.AGREEMENT and standing.weight >= MARGIN)


def _contested(tree: Tree, standing: Standing) -> bool:
    """Whether the best answer is contested by more than votes, though all ways to an answer were gone: more of them
    would bring votes."""
    strong = standing.state == "contested" and standing.kind is not None and standing.kind > EvidenceClass.AGREEMENT
    return strong and {a.role for a in tree.attempts if a.parent is None} >= set(tree.roles)


def _reviewed(tree: Tree, attempt: Attempt) -> bool:
    critics = {c.critic for c in tree.critiques_of(attempt.id)}
    return "engine" in critics or bool(critics - ENGINE_CRITICS)


def _revision(tree: Tree) -> Expand | None:
    """Mend the latest attempt, if it is a greedy one that a check refuted, and mending it got somewhere so far."""
    last = tree.attempts[-1]
    standing = tree.standings[last.id]
    weak = (standing.kind or 0) <= EvidenceClass.AGREEMENT and not last.steps  # who acts is sent back sooner
    if last.temperature > 0 or standing.state != "refuted" or weak:
        return None
    feedback, revisions = feedback_on(tree, last), revisions_of(tree, last)
    if not feedback or _unchanged(tree, last) or revisions >= MAX_REVISIONS or lost(last):
        return None
    return Expand(parent=last.id, guidance=feedback, role=last.role)


def _unchanged(tree: Tree, attempt: Attempt) -> bool:
    """Whether a revision is what it revises."""
    if attempt.parent is None:
        return False
    parent = tree.attempts[attempt.parent]
    if attempt.steps:
        return [step.text for step in attempt.steps] == [step.text for step in parent.steps]
    if parent.program is None and attempt.program is None:
        return parent.answer == attempt.answer
    return parent.program == attempt.program


def _fresh(tree: Tree) -> list[Move]:
    """New ways to the answer: first each of the kind's roles once, greedily; then samples of all of them."""
    tried = {a.role for a in tree.attempts if a.parent is None}
    for role in tree.roles:
        if role not in tried:
            return [Expand(role=role)]
    return [Expand(n=FRESH, role=role, temperature=TEMPERATURE) for role in tree.roles]
