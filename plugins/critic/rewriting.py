"""Strategy `critic:rewrite`: CRITIC's loop as it is for texts of which none is right, only better or worse (Gou et al.,
2024, section 4.3).

The text is drawn, reviewed, and rewritten at a high temperature for as long as something speaks against it. A rewrite
is made of the best text so far, so one that is worse than what it rewrites is never built upon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import ENGINE_CRITICS, Expand, Move, Remaining, Review, Stop, Tree

ARGUMENT = "rewrite"
MAX_REWRITES = 4
TEMPERATURE = 0.9


class Rewriting:
    """See the module.

    Args:
        critic: who reviews, as `name` or `name:argument`; the kind's own critics when empty.
    """

    name = "critic"

    def __init__(self, critic: str = "") -> None:
        self._critics = (critic,) if critic else ()

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        best = tree.best
        if best is None:
            return [Expand(temperature=TEMPERATURE)]
        judged = {c.attempt for c in tree.critiques if c.critic == "engine" or c.critic not in ENGINE_CRITICS}
        if new := tuple(attempt.id for attempt in tree.attempts if attempt.id not in judged):
            return [Review(new, self._critics)]
        standing = tree.standings[best]
        if standing.state not in ("refuted", "contested"):
            return [Stop(f"nothing speaks against it: {standing.reason}", best)]
        if len(tree.attempts) > MAX_REWRITES:
            return [Stop(f"{MAX_REWRITES} rewrites were made: {standing.reason}", best)]
        feedback = "\n\n".join(c.feedback for c in tree.critiques_of(best) if c.verdict == "revise" and c.feedback)
        if tree.attempts[best].answer is None or not feedback:
            return [Expand(temperature=TEMPERATURE)]
        return [Expand(parent=best, guidance=feedback, temperature=TEMPERATURE)]
