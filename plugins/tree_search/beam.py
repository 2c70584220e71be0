"""Strategy `beam`: beam search over steps, guided by the model's own judgement of them (Xie et al., "Self-Evaluation
Guided Beam Search for Reasoning", NeurIPS 2023, section 3).

Each beginning in the beam goes on by one step in several ways; of all that comes, those go on that the critic finds
likeliest to be right so far. Chains that reach an answer leave the beam. The paper multiplies the values of the single
steps; here the critic judges the chain up to the step, so that its last value says it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfix import SEARCH_ROOT, Attempt, Move, Remaining, Stop, Tree

from .reading import depth_of
from .steps import MOST_STEPS, completed, first_moves, next_steps, repeats, value_of


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """See the module.

    Args:
        width: how many chains are kept, and in how many ways each goes on.
    """

    width: int
    name: str = "beam"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if move := first_moves(tree, budget):
            return [move]
        drawn = [attempt for attempt in tree.attempts if attempt.temperature > 0]
        if not drawn:
            return [next_steps(tree, SEARCH_ROOT, self.width)]
        beam = self._beam(tree, drawn)
        if not beam:
            return [Stop("every chain has ended", tree.best)]
        level = depth_of(tree, tree.attempts[beam[0]])
        if level + 1 >= MOST_STEPS or (budget.rounds is not None and budget.rounds <= len(beam)):
            return [completed(tree, number) for number in beam]
        return [next_steps(tree, number, self.width) for number in beam]

    def _beam(self, tree: Tree, drawn: list[Attempt]) -> list[int]:
        """The best of the latest beginnings, as many as there are chains that have not ended."""
        level = max(depth_of(tree, attempt) for attempt in drawn)
        if any(a.parent is not None and a.temperature == 0 for a in tree.attempts):
            return []  # what was in the beam was completed
        ended = sum(not attempt.unfinished for attempt in drawn)
        latest = [a.id for a in drawn if a.unfinished and depth_of(tree, a) == level and not repeats(tree, a.id)]
        ranked = sorted(latest, key=lambda number: (-value_of(tree, number), number))
        return ranked[: max(0, self.width - ended)]
