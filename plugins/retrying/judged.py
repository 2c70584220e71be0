"""What checks said so far: what every strategy here does before its own idea comes into play."""

from __future__ import annotations

from agentfix import ENGINE_CRITICS, Attempt, EvidenceClass, Expand, Move, Review, Standing, Stop, Tree

MARGIN = 2
"""By how many votes an answer must lead: with one, a greedy attempt and another that disagree are decided by whatever
is drawn next, which makes right answers wrong."""


def opening(tree: Tree, least: EvidenceClass = EvidenceClass.OPINION) -> list[Move] | None:
    """The greedy attempt that all strategies share, the review of what is new, and the end once the best is supported.

    Args:
        tree: of the run.
        least: the class of support that is enough.

    Returns:
        None when more is to be tried.
    """
    if not tree.attempts:
        return [Expand()]
    if open_ := unreviewed(tree):
        return [Review(open_)]
    best = tree.best
    if best is not None and enough(tree.standings[best], least):
        return [Stop(tree.standings[best].reason, best)]
    return None


def unreviewed(tree: Tree) -> tuple[int, ...]:
    """The attempts of which no critic has spoken."""
    return tuple(a.id for a in tree.attempts if not _reviewed(tree, a))


def _reviewed(tree: Tree, attempt: Attempt) -> bool:
    critics = {critique.critic for critique in tree.critiques_of(attempt.id)}
    return "engine" in critics or bool(critics - ENGINE_CRITICS)


def enough(standing: Standing, least: EvidenceClass) -> bool:
    """Whether an attempt is supported so well that nothing more is tried."""
    if standing.state != "supported" or standing.kind is None or standing.kind < least:
        return False
    return standing.kind != EvidenceClass.AGREEMENT or standing.weight >= MARGIN


def feedback_on(tree: Tree, attempt: Attempt) -> str:
    """What is to be changed, as the first critic says that wants a revision; empty when none does."""
    return next((c.feedback for c in tree.critiques_of(attempt.id) if c.verdict == "revise" and c.feedback), "")


def fresh(tree: Tree) -> tuple[Attempt, ...]:
    """The attempts that were made from the question alone."""
    return tuple(attempt for attempt in tree.attempts if attempt.parent is None)
