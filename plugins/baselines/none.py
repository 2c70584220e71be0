"""Strategy `none`: one attempt, returned as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Stop, Tree


class NoCorrection:
    """See the module."""

    name = "none"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        return [Stop("one attempt was asked for", 0)] if tree.attempts else [Expand()]
