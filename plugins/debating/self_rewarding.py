"""Strategy `self-rewarding`: the actor answers, judges its own answer, mends it, and its own verdict ends the loop
(Xiong et al., "Self-rewarding correction for mathematical reasoning", 2025, at inference and without its training).

Nothing but the model takes part: its verdict is an opinion of the actor about itself. It is what evidence must beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Review, Stop, Tree

ROUNDS = 3
CRITIC = "own-verdict"
WRONG = "You found that the answer is wrong."


class SelfRewarding:
    """See the module.

    Args:
        rounds: how often the answer is mended at the most.
    """

    name = "self-rewarding"

    def __init__(self, rounds: int = ROUNDS) -> None:
        self._rounds = rounds

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1]
        verdict = next((c for c in tree.critiques_of(last.id) if c.critic in (CRITIC, "engine")), None)
        if verdict is None:
            return [Review((last.id,), (CRITIC,))]
        if verdict.verdict != "revise":
            meant = last.id if verdict.verdict == "accept" else tree.best
            return [Stop(f"its own verdict is {verdict.verdict}", meant)]
        if last.id >= self._rounds:
            return [Stop(f"after {self._rounds} rounds its own verdict is still revise", tree.best)]
        if last.parent is not None and tree.attempts[last.parent].text == last.text:
            return [Stop("the revision changed nothing", tree.best)]
        return [Expand(parent=last.id, guidance=verdict.feedback or WRONG, role=last.role)]
