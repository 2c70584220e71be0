"""Strategy `mcts:steps`: Monte Carlo tree search over steps of reasoning (LATS: Zhou et al., ICML 2024, section 4;
Agent Q: Putta et al., 2024, section 4.2: a critique of the model's own ranks the steps before anything is played out).

A node is the beginning of a chain; its children go on by one step. Of the steps that an expansion brings, the one that
the critic finds likeliest is played out to an answer, which the kind's critics judge and other answers vote on. What
comes of it counts for all steps that lead there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix import SEARCH_ROOT, Expand, Move, Remaining, Review, SearchStatistic, Stop, Tree, steps_of, worth_of

from .prompts import render
from .reading import TEMPERATURE, VALUER, acts, children_of, depth_of, settled, unreviewed
from .walk import Walk, widened

LEAVES = 2
"""Beginnings that go on at once."""
MOST_STEPS = 12
"""A chain that is longer is played out and not searched."""
EXPLORE = 0.5
UNKNOWN = 0.5
"""What a step is worth of which the critic could say nothing."""


@dataclass(frozen=True, slots=True)
class StepSearch:
    """See the module.

    Args:
        width: how many next steps one expansion makes.
    """

    width: int
    name: str = "mcts"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if move := first_moves(tree, budget):
            return [move]
        children = children_of(tree)
        rollouts = [best for node in children if (best := self._rollout(tree, children[node])) is not None]
        if rollouts:
            return [completed(tree, number) for number in rollouts[:LEAVES]]
        count = LEAVES if budget.rounds is None else min(LEAVES, budget.rounds // 2)  # each is played out in another
        if count == 0 and (waiting := _waiting(tree, [a.id for a in tree.attempts])):
            return [completed(tree, _best(tree, waiting))]

        def may_grow(node: int, known: SearchStatistic) -> bool:
            begun = [c for c in children.get(node, ()) if tree.attempts[c].temperature > 0]
            return (node == SEARCH_ROOT or goes_on(tree, node)) and len(begun) < widened(known.visits, self.width)

        walk = Walk(tree, children, may_grow, EXPLORE)
        leaves = [leaf for _ in range(max(1, count)) if (leaf := walk.leaf()) is not None] or [SEARCH_ROOT]
        return [next_steps(tree, leaf, self.width) for leaf in leaves]

    def _rollout(self, tree: Tree, siblings: Sequence[int]) -> int | None:
        """Which of the steps that go on from one beginning is to be played out: one for each expansion."""
        drawn = [number for number in siblings if tree.attempts[number].temperature > 0]
        played = [number for number in drawn if not tree.attempts[number].unfinished or _played_out(tree, number)]
        waiting = _waiting(tree, drawn)
        return _best(tree, waiting) if waiting and len(played) * self.width < len(drawn) else None


def first_moves(tree: Tree, budget: Remaining) -> Move | None:
    """What comes before a search over steps can go on: a whole attempt, reviews, and the end where it is reached."""
    if not tree.attempts:
        return Expand()
    if review := unreviewed(tree):
        return review
    if stop := settled(tree):
        return stop
    if acts(tree):
        return Stop("steps can't be searched where attempts act; mcts:attempts can", tree.best)
    unvalued = tuple(a.id for a in tree.attempts if a.unfinished and not repeats(tree, a.id)
                     and not tree.reviewed(a.id))
    goes_on = budget.rounds is None or budget.rounds > 0
    return Review(unvalued, (VALUER,)) if unvalued and goes_on else None


def next_steps(tree: Tree, node: int, width: int) -> Expand:
    """Go on from a node by one step, in several ways."""
    if node == SEARCH_ROOT:
        return Expand(None, width, "", prose_role(tree), TEMPERATURE, one_step=True)
    kept = len(steps_of(tree.attempts[node].text))
    return Expand(node, width, "", prose_role(tree), TEMPERATURE, kept, one_step=True)


def completed(tree: Tree, node: int) -> Expand:
    """Go on from a node to an answer, the likeliest way."""
    return Expand(node, 1, render("finish"), prose_role(tree), 0.0, len(steps_of(tree.attempts[node].text)))


def prose_role(tree: Tree) -> str:
    """The kind's way to an answer that is written in steps: the last, as its first may be a program."""
    return tree.roles[-1]


def value_of(tree: Tree, number: int) -> float:
    """What a step is worth; a middling value where nobody knows."""
    known = worth_of(tree, number)
    return UNKNOWN if known is None else known


def repeats(tree: Tree, number: int) -> bool:
    """Whether a step says what one before it says that goes on from the same."""
    attempt = tree.attempts[number]
    return any(other.parent == attempt.parent and other.text.split() == attempt.text.split()
               for other in tree.attempts[:number])


def goes_on(tree: Tree, number: int) -> bool:
    """Whether steps may be added to an attempt."""
    attempt = tree.attempts[number]
    return attempt.unfinished and not repeats(tree, number) and depth_of(tree, attempt) + 1 < MOST_STEPS


def _waiting(tree: Tree, numbers: Sequence[int]) -> list[int]:
    """The beginnings among them that were not played out."""
    return [number for number in numbers if tree.attempts[number].unfinished and not repeats(tree, number)
            and not _played_out(tree, number)]


def _best(tree: Tree, numbers: Sequence[int]) -> int:
    return max(numbers, key=lambda number: (value_of(tree, number), -number))


def _played_out(tree: Tree, number: int) -> bool:
    return any(a.parent == number and not a.unfinished for a in tree.attempts)
