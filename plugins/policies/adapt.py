"""Policy `adapt`: temperature follows what the attempts show of exploration and exploitation (Zeng et al., "B-STaR:
Monitoring and Balancing Exploration and Exploitation in Self-Taught Reasoners", ICLR 2025, sections 3 and 4, within one
run instead of between rounds of training).

Answers that are too alike explore nothing: the next are drawn warmer. Answers that scatter can't be told apart by a
vote: the next are drawn cooler, and sooner so where critics' scores rank attempts otherwise than evidence does. Greedy
attempts stay greedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from agentfix import EvidenceClass, Expand, Move, Remaining, Tree

from .wrapping import Ask

ALIKE, SCATTERED = 0.2, 0.8
"""Exploration below the one is too little, above the other too much."""
SCATTERED_UNRANKED = 0.5
"""The same where scores don't find the better attempt."""
STEP = 0.2
COOLEST, WARMEST = 0.3, 1.3
FEWEST = 3
"""Answers below this number tell nothing."""


class Adapt:
    """See the module."""

    name = "adapt"

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        return [_adapted(move, tree) for move in ask()]


def exploration(tree: Tree) -> float | None:
    """How different the answers are: 0 when all are one, 1 when each is another; None for fewer than three."""
    found = [tree.groups[attempt.id] for attempt in tree.attempts if attempt.answer is not None]
    return None if len(found) < FEWEST else (len(set(found)) - 1) / (len(found) - 1)


def exploitation(tree: Tree) -> float | None:
    """How often, of two attempts that evidence above opinion tells apart, the better one is scored higher; equal scores
    count half. None where there are no such two."""
    scores = {c.attempt: c.score for c in tree.critiques if c.score is not None}
    worth = {s: _worth(tree, s) for s in scores}
    pairs = [(a, b) for a, b in combinations(scores, 2) if worth[a] != worth[b]]
    if not pairs:
        return None
    right = sum(0.5 if scores[a] == scores[b] else (scores[a] > scores[b]) == (worth[a] > worth[b]) for a, b in pairs)
    return right / len(pairs)


def temperature(tree: Tree, own: float) -> float:
    """The temperature for the next samples.

    Args:
        tree: what is known.
        own: what the strategy asks for.
    """
    found = exploration(tree)
    drawn = [attempt.temperature for attempt in tree.attempts if attempt.temperature > 0]
    if found is None or not drawn:
        return own
    ranked = exploitation(tree)
    much = SCATTERED if ranked is None or ranked >= 0.5 else SCATTERED_UNRANKED
    change = STEP if found < ALIKE else -STEP if found > much else 0.0
    return round(min(WARMEST, max(COOLEST, drawn[-1] + change)), 3)


def _adapted(move: Move, tree: Tree) -> Move:
    if not isinstance(move, Expand) or move.temperature == 0:
        return move
    return replace(move, temperature=temperature(tree, move.temperature))


def _worth(tree: Tree, attempt: int) -> int:
    """1 where evidence above opinion supports it, -1 where it refutes it."""
    standing = tree.standings[attempt]
    if (standing.kind or 0) <= EvidenceClass.OPINION:
        return 0
    return {"supported": 1, "refuted": -1}.get(standing.state, 0)
