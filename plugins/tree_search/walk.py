"""Where a search goes on: UCT, progressive widening and virtual loss, within one decision.

UCT: Kocsis and Szepesvári, "Bandit Based Monte-Carlo Planning", ECML 2006, section 2.2; for attempts of a language
model: LATS, Zhou et al., ICML 2024, section 4.1. Progressive widening: Coulom, "Computing Elo Ratings of Move Patterns
in the Game of Go", 2007. Virtual loss: Chaslot et al., "Parallel Monte-Carlo Tree Search", 2008, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from agentfix import SEARCH_ROOT, SearchStatistic, Tree, search_statistics


def uct(of: SearchStatistic, parent_visits: int, explore: float) -> float:
    """What speaks for going on below a node: what it was worth so far, and how seldom it was looked at.

    Args:
        of: the node's own.
        parent_visits: of the node that it goes on from.
        explore: how much a line that was hardly looked at is preferred.
    """
    if of.visits == 0:
        return math.inf
    return of.value + explore * math.sqrt(math.log(max(1, parent_visits)) / of.visits)


def widened(visits: int, width: int) -> int:
    """How many children a node may have: one expansion at first, then one more each time that its visits have grown
    with the square of their number.

    Args:
        visits: of the node.
        width: of one expansion.
    """
    return width * max(1, math.ceil(math.sqrt(visits / (2 * width))))


class Walk:
    """The walks of one decision. Each leaf that is found counts as a loss for the next, so that they spread.

    Args:
        tree: of the run.
        children: of each node, `SEARCH_ROOT` included.
        may_grow: whether a node may be expanded, given its statistic.
        explore: see `uct`.
    """

    def __init__(self, tree: Tree, children: Mapping[int, Sequence[int]],
                 may_grow: Callable[[int, SearchStatistic], bool], explore: float) -> None:
        known = search_statistics(tree)
        self._tree, self._children, self._known, self._explore = tree, children, dict(known), explore
        self._open = {node for node in known if may_grow(node, known[node])}

    def leaf(self) -> int | None:
        """The next node to be expanded; None when there is none left."""
        alive = self._alive()
        if SEARCH_ROOT not in alive:
            return None
        node = SEARCH_ROOT
        while node not in self._open:
            visits = self._known[node].visits
            living = [child for child in self._children.get(node, ()) if child in alive]
            node = max(living, key=lambda child: (uct(self._known[child], visits, self._explore), -child))
        self._lose(node)
        return node

    def _alive(self) -> set[int]:
        """The nodes that may be expanded, or have one below them that may."""
        alive: set[int] = set()
        for node in (*range(len(self._tree.attempts) - 1, -1, -1), SEARCH_ROOT):
            if node in self._open or any(child in alive for child in self._children.get(node, ())):
                alive.add(node)
        return alive

    def _lose(self, leaf: int) -> None:
        self._open.discard(leaf)
        node = leaf
        while True:
            held = self._known[node]
            self._known[node] = SearchStatistic(held.visits + 1, held.total)
            if node == SEARCH_ROOT:
                return
            parent = self._tree.attempts[node].parent
            node = SEARCH_ROOT if parent is None else parent
