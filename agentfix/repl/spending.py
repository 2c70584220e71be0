"""What a run is spending, told in a line while it goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentfix.types import Budget, Event, Expand, Usage


@dataclass(slots=True)
class Spending:
    """Adds up what happens.

    Args:
        budget: the limits of the run.
    """

    budget: Budget
    usage: Usage = Usage()
    rounds: int = 0
    tool_calls: int = 0
    began: float = field(default_factory=time.monotonic)

    def hear(self, event: Event) -> None:
        """Take in what happened."""
        if event.kind == "model_call":
            self.usage += event.data["usage"]
        elif event.kind == "observation":
            self.tool_calls += 1
        elif event.kind == "move" and isinstance(event.data["move"], Expand):
            self.rounds += 1

    def line(self) -> str:
        """Seconds, rounds, tool calls, tokens and money, each with its limit."""
        budget, seconds = self.budget, time.monotonic() - self.began
        parts = [
            f"{seconds:.0f}{_of(budget.max_seconds)} s",
            f"round {self.rounds}{_of(budget.max_rounds)}",
            f"tool calls {self.tool_calls}{_of(budget.max_tool_calls)}",
            f"tokens {self.usage.tokens:,}{_of(budget.max_tokens)}",
        ]
        if self.usage.cost or budget.max_cost is not None:
            spent = "unknown" if self.usage.cost is None else f"{self.usage.cost:.4f}"
            parts.append(f"cost {spent}{_of(budget.max_cost)}")
        return " · ".join(parts)


def _of(limit: float | None) -> str:
    return "" if limit is None else f" of {limit:,g}"
