"""Strategy `objection`: a user contradicts the first answer; the model answers again; then evidence decides.

After the two sides of PBT (Stengel-Eskin, Hase and Bansal, "Teaching Models to Balance Resisting and Accepting
Persuasion", 2024): a good answer is kept under a wrong objection, and a wrong one is given up under a right one. Here
neither is left to the model: what it says after the objection is one more attempt, which was told an answer and has no
voice, and the strategy `critic` goes on from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Strategy, Tree

DOUBT = "I think that is wrong. Please check it."
"""What is said when nothing else is: it names no answer (Laban et al., "Are You Sure? Challenging LLMs Leads to
Performance Drops in the FlipFlop Experiment", 2023)."""


class Objection:
    """See the module.

    Args:
        objection: what the user says of the first answer.
        then: decides from the third attempt on.
    """

    name = "objection"

    def __init__(self, objection: str, then: Strategy) -> None:
        self._objection = objection
        self._then = then

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        match len(tree.attempts):
            case 0:
                return [Expand()]
            case 1:
                return [Expand(parent=0, guidance=self._objection)]
            case _:
                return self._then.decide(tree, budget, memory, seed)
