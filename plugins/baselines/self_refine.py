"""Strategy `self-refine`: critique and revision by the model alone (Madaan et al., "Self-Refine", NeurIPS 2023).

No tool takes part, so its verdicts are opinions; it stands here as what evidence must beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Review, Stop, Tree

MAX_REVISIONS = 3
CRITIC = "self-critique"


class SelfRefine:
    """See the module."""

    name = "self-refine"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1]
        critiques = tree.critiques_of(last.id)
        verdict = next((c for c in critiques if c.critic in (CRITIC, "engine")), None)
        if verdict is None:
            return [Review((last.id,), (CRITIC,))]
        if verdict.verdict != "revise":
            return [Stop(f"the model's own verdict is {verdict.verdict}", tree.best)]
        if last.id >= MAX_REVISIONS:
            return [Stop(f"{MAX_REVISIONS} revisions were made", tree.best)]
        if last.parent is not None and tree.attempts[last.parent].text == last.text:
            return [Stop("the revision changed nothing", tree.best)]
        return [Expand(parent=last.id, guidance=verdict.feedback)]
