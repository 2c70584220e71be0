"""Keeps what was fetched a short while ago."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Recent(Generic[T]):
    """The newest values by key.

    Args:
        most: how many are kept.
        age_s: for how long.
        clock: tells the time in seconds.
    """

    most: int
    age_s: float
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, T]] = field(default_factory=dict[str, "tuple[float, T]"], init=False)

    def get(self, key: str) -> T | None:
        """The value of a key; None when there is none, or none any more."""
        since, value = self._kept.get(key, (-self.age_s, None))
        return value if self.clock() - since < self.age_s else None

    def put(self, key: str, value: T) -> None:
        """Keep a value; the oldest one goes when there are too many."""
        self._kept.pop(key, None)
        self._kept[key] = (self.clock(), value)
        if len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
