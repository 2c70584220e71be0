"""What has come of a batch so far, and what all of it may spend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.errors import ConfigError
from agentfix.types import Usage


@dataclass(slots=True)
class Tally:
    """Counts lines of the output."""

    answered: int = 0
    supported: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)

    @property
    def done(self) -> int:
        """Lines."""
        return self.answered + self.failed

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one more."""
        if line["error"] is not None:
            self.failed += 1
            return
        self.answered += 1
        self.supported += not line["abstained"]
        self.usage = self.usage + Usage(**line["usage"])


@dataclass(frozen=True, slots=True)
class Limits:
    """What a whole batch may spend, what earlier starts spent included. When it is used up no task is handed out any
    more; runs under way end first, within their own budget, so that a batch may go past a limit by what they come to.

    Args:
        max_tokens: completion tokens, and prompt tokens that had to be read; None for no limit.
        max_cost: in the unit of the price table; None for no limit. A run without a known price uses it up.

    Raises:
        ConfigError: a limit is negative, or no number.
    """

    max_tokens: int | None = None
    max_cost: float | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.max_cost or 0.0):
            raise ConfigError("A limit of a batch must be a number, not nan.")
        if (self.max_tokens or 0) < 0 or (self.max_cost or 0.0) < 0:
            raise ConfigError("A limit of a batch can't be negative.")

    def used_up(self, spent: Usage) -> str:
        """Which limit is, in a word; empty when none is."""
        if self.max_tokens is not None and spent.tokens >= self.max_tokens:
            return "tokens"
        if self.max_cost is not None and (spent.cost is None or spent.cost >= self.max_cost):
            return "cost"
        return ""
