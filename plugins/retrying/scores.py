"""One number for all that is known of an attempt: its standing, what critics think of it, and how many independent
attempts give its answer (the composite score of ACR: Zhou et al., "RefineCoder", 2025)."""

from __future__ import annotations

from statistics import fmean

from agentfix import ENGINE_CRITICS, Attempt, Critique, EvidenceClass, Tree

from .judged import fresh

HIGH = 0.75
"""From here on evidence above opinion supports an attempt, or everything that was said speaks for it."""
LOW = 0.25
"""Up to here evidence above opinion refutes it."""
_VERDICTS = {"accept": 1.0, "revise": 0.0}


def composite(tree: Tree, attempt: Attempt) -> float:
    """The score of an attempt, 0 to 1. What evidence says sets the range, and opinions and votes the place in it."""
    standing = tree.standings[attempt.id]
    said = [score for c in tree.critiques_of(attempt.id) if (score := _said(c)) is not None]
    voices = [a for a in fresh(tree) if not a.unfinished]
    if len(voices) > 1:
        same = [a for a in voices if tree.groups[a.id] == tree.groups[attempt.id]]
        said.append(0.0 if attempt.answer is None else len(same) / len(voices))
    inside = fmean(said) if said else 0.5
    if standing.kind is not None and standing.kind > EvidenceClass.OPINION:
        if standing.state == "supported":
            return HIGH + (1 - HIGH) * inside
        if standing.state == "refuted":
            return LOW * inside
    return LOW + (HIGH - LOW) * inside


def by_score(tree: Tree, attempts: tuple[Attempt, ...]) -> list[Attempt]:
    """The attempts, the one with the highest score first; of equals the earliest."""
    return sorted(attempts, key=lambda attempt: (-composite(tree, attempt), attempt.id))


def _said(critique: Critique) -> float | None:
    """What a critic thinks of an attempt; None when it does not say."""
    if critique.critic in ENGINE_CRITICS:
        return None
    return _VERDICTS.get(critique.verdict) if critique.score is None else critique.score
