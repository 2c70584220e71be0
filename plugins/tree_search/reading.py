"""What the searches read from a tree of attempts."""

from __future__ import annotations

from agentfix import ENGINE_CRITICS, SEARCH_ROOT, Attempt, EvidenceClass, Expand, Move, Review, Standing, Stop, Tree

VALUER = "step-value"
"""The critic that says how likely something is right which no instrument can judge."""
TEMPERATURE = 0.7
MARGIN = 2
"""By how many independent attempts an answer must lead before a search ends: as strategy `critic` has it."""
MAX_REVISIONS = 2
"""Of attempts that act."""


def settled(tree: Tree) -> Stop | None:
    """The end of a run whose best answer is supported well enough."""
    if tree.best is None:
        return None
    standing = tree.standings[tree.best]
    return Stop(standing.reason, tree.best) if _enough(standing) else None


def _enough(standing: Standing) -> bool:
    if standing.state != "supported" or standing.kind is None:
        return False
    return standing.kind > EvidenceClass.AGREEMENT or (
        standing.kind == EvidenceClass.AGREEMENT and standing.weight >= MARGIN)


def unreviewed(tree: Tree) -> Review | None:
    """A review of the whole attempts that none of the kind's critics has judged, all at once."""
    open_ = tuple(a.id for a in tree.attempts if not a.unfinished and (a.answer is not None or a.program is not None)
                  and not {c.critic for c in tree.critiques_of(a.id)} - ENGINE_CRITICS - {VALUER})
    return Review(open_) if open_ else None


def feedback_on(tree: Tree, attempt: int) -> str:
    """What is to be changed in an attempt, as the first critic says that wants a revision."""
    return next((c.feedback for c in tree.critiques_of(attempt) if c.verdict == "revise" and c.feedback), "")


def depth_of(tree: Tree, attempt: Attempt) -> int:
    """How many attempts it goes back to."""
    depth, parent = 0, attempt.parent
    while parent is not None:
        depth, parent = depth + 1, tree.attempts[parent].parent
    return depth


def children_of(tree: Tree) -> dict[int, list[int]]:
    """The ids of what goes on from each attempt, and under `SEARCH_ROOT` of what goes on from nothing."""
    children: dict[int, list[int]] = {}
    for attempt in tree.attempts:
        children.setdefault(SEARCH_ROOT if attempt.parent is None else attempt.parent, []).append(attempt.id)
    return children


def acts(tree: Tree) -> bool:
    """Whether the attempts are of a kind that acts."""
    return tree.task.kind == "tools" or any(attempt.steps for attempt in tree.attempts)


def after_acts(tree: Tree) -> Move:
    """The next move where attempts act. The world can't be searched: each attempt leaves another one behind, so the
    last is mended, and nothing is tried beside it."""
    last = tree.attempts[-1]
    standing, feedback = tree.standings[last.id], feedback_on(tree, last.id)
    if standing.state == "refuted" and feedback and last.answer is not None and depth_of(tree, last) < MAX_REVISIONS:
        return Expand(parent=last.id, guidance=feedback, role=last.role)
    return Stop(f"acts can't be searched: {standing.reason}", tree.best)
