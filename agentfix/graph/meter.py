"""Counts what a run spends and says what is left. No call starts past a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from agentfix.pool import Pool
from agentfix.types import Budget, Remaining, Usage


class BudgetSpent(Exception):
    """A limit was reached; carries its name."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass
class Meter:
    """The spending of one run.

    Args:
        budget: the limits.
        clock: monotonic seconds.
        pool: limits that the run shares with others.
    """

    budget: Budget
    clock: Callable[[], float]
    pool: Pool | None = None
    usage: Usage = Usage()
    rounds: int = 0
    replayed_seconds: float = 0.0
    """Time that replies taken from the journal once took."""
    _places: set[str] = field(default_factory=set[str])
    _held_tokens: int = 0
    _held_calls: int = 0
    """What calls that are under way may come to: others that start beside them must leave it to them."""

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def seconds(self) -> float:
        """Since the run began, as if nothing had been taken from the journal."""
        return self.clock() - self._start + self.replayed_seconds

    def remaining(self) -> Remaining:
        """What is left of the run's own limits and of those that it shares: of each kind the less."""
        own = self._own()
        if self.pool is None:
            return own
        shared = self.pool.remaining
        return replace(own, tokens=_less(own.tokens, shared.tokens), cost=_less(own.cost, shared.cost))

    def _own(self) -> Remaining:
        b, u = self.budget, self.usage
        return Remaining(
            rounds=None if b.max_rounds is None else b.max_rounds - self.rounds,
            model_calls=None if b.max_model_calls is None else b.max_model_calls - u.model_calls - self._held_calls,
            tool_calls=None if b.max_tool_calls is None else b.max_tool_calls - u.tool_calls,
            tokens=None if b.max_tokens is None else b.max_tokens - u.tokens - self._held_tokens,
            cost=None if b.max_cost is None else 0.0 if u.cost is None else b.max_cost - u.cost,
            seconds=None if b.max_seconds is None else b.max_seconds - self.seconds,
        )

    def require_model_call(self) -> None:
        """Raises BudgetSpent when no model call may start."""
        left = self.remaining()
        for limit in ("model_calls", "tokens", "cost", "seconds"):
            value = getattr(left, limit)
            if value is not None and value <= 0:
                raise BudgetSpent(limit)

    def require_tool_call(self) -> None:
        """Raises BudgetSpent when no tool call may start."""
        left = self.remaining()
        for limit in ("tool_calls", "seconds"):
            value = getattr(left, limit)
            if value is not None and value <= 0:
                raise BudgetSpent(limit)

    def clamp(self, max_tokens: int, n: int) -> int:
        """Tokens each of n completions may have, so that all of them fit what is left."""
        left = self.remaining().tokens
        if left is None:
            return max_tokens
        if left < n:
            raise BudgetSpent("tokens")
        return min(max_tokens, left // n)

    @asynccontextmanager
    async def within_time(self) -> AsyncGenerator[None]:
        """Cut off what is done within it when the time is up. Raises BudgetSpent: it is."""
        limit = asyncio.timeout(self.remaining().seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise  # its own
            raise BudgetSpent("seconds") from None

    @contextmanager
    def holding(self, tokens: int) -> Generator[None]:
        """Set aside what a call may come to while it is made.

        Args:
            tokens: those of all its completions.

        Raises:
            BudgetSpent: other runs were faster.
        """
        self._held_tokens += tokens
        self._held_calls += 1
        try:
            with nullcontext(True) if self.pool is None else self.pool.holding(tokens) as held:
                if not held:
                    raise BudgetSpent("tokens")
                yield
        finally:
            self._held_tokens -= tokens
            self._held_calls -= 1

    def pay(self, usage: Usage) -> None:
        """Take what a call came to, that was made now, from what the run shares."""
        if self.pool is not None:
            self.pool.spend(usage)

    def spend(self, place: str, usage: Usage, replayed_seconds: float = 0.0) -> bool:
        """Count what was spent at a place of the run, once.

        Args:
            place: where; a node that is run again spends nothing again.
            usage: how much.
            replayed_seconds: how long it took when it was first made, for a reply taken from the journal.

        Returns:
            Whether it was counted now.
        """
        if place in self._places:
            return False
        self._places.add(place)
        self.usage = self.usage + usage
        self.replayed_seconds += replayed_seconds
        return True


def _less(one: float | None, other: float | None) -> float | None:
    """The lower of two limits, where None is none."""
    return one if other is None else other if one is None else min(one, other)
