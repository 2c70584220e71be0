"""How promising attempts are, and the lines that go on from them: for strategies that search, and for whoever draws a
tree. Nothing here is evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentfix.types import EvidenceClass, Tree

SEARCH_ROOT = -1
"""Stands for the question itself: the parent of attempts that have none."""
REFUTED = 0.3
"""An attempt that an instrument refutes is worth at most this, however near it came: one that nothing refutes is worth
more where it is at all likely to be right."""


@dataclass(frozen=True, slots=True)
class SearchStatistic:
    """What is known of an attempt and all that goes on from it."""

    visits: int = 0
    """How many of these attempts were judged."""
    total: float = 0.0
    """The sum of what they are worth."""

    @property
    def value(self) -> float:
        """What they are worth on average; 0 where none was judged."""
        return self.total / self.visits if self.visits else 0.0


def worth_of(tree: Tree, attempt: int) -> float | None:
    """How promising an attempt is, from 0 to 1.

    1 where evidence above agreement supports it. Where measurement or more refutes it, 0, or a little more when that
    weighs less than 1, as it does where some of the checks held. Else the mean of the critics' scores, else the share
    of the answers that are its answer, and more than one half where agreement supports it.

    Args:
        tree: of the run.
        attempt: its id.

    Returns:
        None where nothing is known yet.
    """
    standing = tree.standings[attempt]
    kind, state = standing.kind or EvidenceClass.OPINION, standing.state
    near = REFUTED * max(0.0, 1 - standing.weight) if state == "refuted" else 0.0
    if kind > EvidenceClass.AGREEMENT and state == "supported":
        return 1.0
    if kind >= EvidenceClass.MEASUREMENT and state == "refuted":
        return near
    scores = [c.score for c in tree.critiques_of(attempt) if c.score is not None]
    if scores:
        return sum(scores) / len(scores)
    share = _share(tree, attempt)
    if share is None or kind != EvidenceClass.AGREEMENT:
        return share
    return (1 + share) / 2 if state == "supported" else max(share, near)


def search_statistics(tree: Tree) -> Mapping[int, SearchStatistic]:
    """What attempts are worth, handed up to all that they go on from (backpropagation in Monte Carlo tree search:
    Kocsis and Szepesvári, "Bandit Based Monte-Carlo Planning", ECML 2006; for attempts of a language model: LATS, Zhou
    et al., ICML 2024, section 4.1).

    Args:
        tree: of the run.

    Returns:
        By the attempts' ids, and for all of them under `SEARCH_ROOT`.
    """
    visits = dict.fromkeys((SEARCH_ROOT, *range(len(tree.attempts))), 0)
    totals = dict.fromkeys(visits, 0.0)
    for attempt in tree.attempts:
        found = worth_of(tree, attempt.id)
        if found is None:
            continue
        node: int | None = attempt.id
        while node is not None:
            visits[node] += 1
            totals[node] += found
            node = tree.attempts[node].parent
        visits[SEARCH_ROOT] += 1
        totals[SEARCH_ROOT] += found
    return {node: SearchStatistic(visits[node], totals[node]) for node in visits}


def _share(tree: Tree, attempt: int) -> float | None:
    """The share of the answers that are this attempt's; None before there is another to compare it with."""
    if tree.attempts[attempt].answer is None:
        return None if tree.attempts[attempt].unfinished else 0.0
    answered = [group for each, group in zip(tree.attempts, tree.groups, strict=True) if each.answer is not None]
    return answered.count(tree.groups[attempt]) / len(answered) if len(answered) > 1 else None
