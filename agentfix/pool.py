"""Limits that many runs share."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from math import isnan

from agentfix.errors import ConfigError
from agentfix.types import Remaining, Usage


class Pool:
    """Tokens or money that all runs of all agents which are given it spend together, in whatever threads they are.

    No call starts when it is used up: a run then ends as at its own limit, with the best attempt so far. A call sets
    aside the completion tokens that it may come to, and is allowed fewer where fewer are left. A prompt is counted when
    it was read, and money when it was spent, so calls that are under way together may go past a limit by these. What
    comes from the journal is not paid for again.

    Args:
        max_tokens: completion tokens, and prompt tokens that had to be read; None for no limit.
        max_cost: in the unit of the price table; None for no limit. A call without a known price uses it up.

    Raises:
        ConfigError: there is no limit, or one that is negative or no number.
    """

    def __init__(self, *, max_tokens: int | None = None, max_cost: float | None = None) -> None:
        limits = [limit for limit in (max_tokens, max_cost) if limit is not None]
        for limit in limits:
            if isinstance(limit, bool) or not isinstance(limit, int | float) or isnan(limit):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigError(f"A pool's limit must be a number, not {limit!r}.")
        if not limits or min(limits) < 0:
            raise ConfigError("A pool needs a limit that is not negative.", "Say max_tokens=... or max_cost=...")
        self._max_tokens = max_tokens
        self._max_cost = max_cost
        self._usage = Usage()
        self._held_tokens = 0
        self._lock = threading.Lock()

    @property
    def usage(self) -> Usage:
        """What was spent of it so far."""
        return self._usage

    @property
    def remaining(self) -> Remaining:
        """The tokens and the money that are neither spent nor set aside."""
        with self._lock:
            return self._remaining()

    @contextmanager
    def holding(self, tokens: int) -> Generator[bool]:
        """Set tokens aside while a call is made.

        Args:
            tokens: that its completions may come to.

        Yields:
            Whether there were so many; if not, nothing is set aside.
        """
        with self._lock:
            left = self._remaining().tokens
            held = tokens if left is None or tokens <= left else 0
            self._held_tokens += held
        try:
            yield held == tokens
        finally:
            with self._lock:
                self._held_tokens -= held

    def spend(self, usage: Usage) -> None:
        """Count what a call came to.

        Args:
            usage: of the call.
        """
        with self._lock:
            self._usage = self._usage + usage

    def _remaining(self) -> Remaining:
        spent, cost = self._usage, self._usage.cost
        return Remaining(
            tokens=None if self._max_tokens is None else self._max_tokens - spent.tokens - self._held_tokens,
            cost=None if self._max_cost is None else 0.0 if cost is None else self._max_cost - cost)
