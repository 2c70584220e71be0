"""One who asks: how often, and for how much.

What was spent is kept by `Spending`, which other servers may share; what is set aside for requests under way only here,
so that it ends with the process.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from agentfix.errors import JournalError
from agentfix.server.failures import NEVER_AGAIN, Refusal
from agentfix.server.spending import Spending, SpendingInMemory
from agentfix.threads import in_thread
from agentfix.types import Usage

MINUTE_S, DAY_S = 60.0, 86_400.0
SHARE = 4
"""A run, which may take as much as it is given, is given this part of what is left: others may begin beside it."""
_LOG = logging.getLogger(__name__)


class Allowance(BaseModel):
    """What the owner of a key may have; None for no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str = Field(min_length=1)
    """Name of the environment variable, or of the keyring's entry, that holds the key itself."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_day: int | None = Field(default=None, ge=1)
    """Prompt tokens that had to be read, and completion tokens. Days are those of UTC."""
    cost_per_day: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Money, in the unit of the price table."""


@dataclass
class Hold:
    """What is set aside for a request.

    Args:
        tokens: it may take; infinite for no limit.
        cost: it may take.
    """

    tokens: float
    cost: float
    used_tokens: int = 0
    used_cost: float = 0.0

    @property
    def rest(self) -> tuple[float, float]:
        """What is set aside still: what was spent of it is counted as that."""
        return max(0, self.tokens - self.used_tokens), max(0.0, self.cost - self.used_cost)


class Account:
    """One who asks.

    Args:
        name: for people, and for what is kept of it.
        allowance: its limits; None for none.
        now: the time in seconds.
        spending: keeps what was spent of budgets; forgotten with the process when None.
    """

    def __init__(self, name: str, allowance: Allowance | None = None, now: Callable[[], float] = time.time,
                 spending: Spending | None = None) -> None:
        self.name = name
        self._limits = allowance or Allowance(key="-")
        self._now = now
        self._asked: deque[float] = deque()
        self._spending = spending or SpendingInMemory()
        self._day, self._written = -1, (0, 0.0)
        self._unwritten = (0, 0.0)
        self._holds: list[Hold] = []
        self._writing = asyncio.Lock()
        self._failures = 0
        self._failure: JournalError | None = None

    async def admit(self) -> None:
        """Count a request, once it is sure that what it spends can be kept.

        Raises:
            Refusal: it is one too many, or nothing is left of the budget.
            JournalError: what was spent can't be written.
        """
        now = self._now()
        while self._asked and self._asked[0] <= now - MINUTE_S:
            self._asked.popleft()
        most = self._limits.requests_per_minute
        if most is not None and len(self._asked) >= most:
            wait = max(1, round(self._asked[0] + MINUTE_S - now + 0.5))
            raise Refusal(429, f"This key may ask {most} times a minute. Ask again in {wait} seconds.", "requests",
                          "rate_limit_exceeded", headers={"retry-after": str(wait)})
        self._asked.append(now)
        await self.settle()
        if min(self.left()) <= 0:
            raise self._used_up()

    def left(self) -> tuple[float, float]:
        """Tokens and money that are neither spent today nor set aside; infinite for no limit."""
        tokens, cost = self._unspent()
        rests = [hold.rest for hold in self._holds]
        return (tokens if math.isinf(tokens) else tokens - sum(rest[0] for rest in rests),
                cost if math.isinf(cost) else cost - sum(rest[1] for rest in rests))

    @contextmanager
    def holding(self, tokens: float, cost: float, *, share: bool = False) -> Generator[Hold]:
        """Set aside what a request may take, or what is left where that is less.

        Args:
            tokens: infinite where the request itself has no limit.
            cost: the same.
            share: no more than a part of what is left.

        Raises:
            Refusal: nothing is left.
        """
        left_tokens, left_cost = self.left()
        if min(left_tokens, left_cost) <= 0:
            raise self._used_up()
        if share:
            left_tokens = left_tokens if math.isinf(left_tokens) else math.ceil(left_tokens / SHARE)
            left_cost /= SHARE
        hold = Hold(min(tokens, left_tokens), min(cost, left_cost))
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds = [each for each in self._holds if each is not hold]

    def spend(self, usage: Usage, hold: Hold | None = None) -> None:
        """Count what a call took. One without a known price uses a budget of money up.

        Args:
            usage: of the call.
            hold: what was set aside for it.
        """
        cost = (self._limits.cost_per_day or 0.0) if usage.cost is None else usage.cost
        self._unwritten = (self._unwritten[0] + usage.tokens, self._unwritten[1] + cost)
        if hold is not None:
            hold.used_tokens, hold.used_cost = hold.used_tokens + usage.tokens, hold.used_cost + cost

    async def pay(self, usage: Usage, hold: Hold) -> None:
        """Count what a call took, and write it down; where that fails, it is tried again before the next request."""
        self.spend(usage, hold)
        try:
            await self.settle()
        except JournalError as error:
            _LOG.error("key %s: %s", self.name, error)

    async def settle(self) -> None:
        """Write down what was spent, and hear what other servers have written.

        Raises:
            JournalError: it can't be written.
        """
        if self._limits.tokens_per_day is not None or self._limits.cost_per_day is not None:
            await asyncio.shield(asyncio.ensure_future(self._settle(self._failures)))

    async def _settle(self, failures: int) -> None:
        async with self._writing:
            if self._failure is not None and self._failures > failures:  # it failed while this waited for it
                raise self._failure
            tokens, cost = self._unwritten
            day = self._today()
            try:
                written = await in_thread(self._spending.add, self.name, day, tokens, cost)
            except JournalError as error:
                self._failures, self._failure = self._failures + 1, error
                raise
            self._unwritten = (self._unwritten[0] - tokens, self._unwritten[1] - cost)
            self._day, self._written = day, written

    def _unspent(self) -> tuple[float, float]:
        limits, (tokens, cost) = self._limits, self._unwritten
        if self._day == self._today():
            tokens, cost = tokens + self._written[0], cost + self._written[1]
        return (math.inf if limits.tokens_per_day is None else limits.tokens_per_day - tokens,
                math.inf if limits.cost_per_day is None else limits.cost_per_day - cost)

    def _used_up(self) -> Refusal:
        if min(self._unspent()) <= 0:
            return Refusal(429, "The budget of this key is spent for today. Ask again tomorrow (UTC).",
                           "insufficient_quota", "insufficient_quota", headers=NEVER_AGAIN)
        return Refusal(429, "What is left of this key's budget is set aside for requests under way. Ask again when "
                       "they are answered.", "requests", "rate_limit_exceeded", headers={"retry-after": "5"})

    def _today(self) -> int:
        return int(self._now() // DAY_S)
