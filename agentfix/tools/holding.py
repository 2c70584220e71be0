"""Measures how long a coroutine holds the event loop at a stretch, in which nothing else can happen."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Awaits a coroutine, and notes the longest stretch for which it held the loop.

    Args:
        coroutine: what is awaited.

    Attributes:
        longest_s: in seconds.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.longest_s = 0.0

    def __await__(self) -> Generator[Any, Any, T]:
        inner: Generator[Any, Any, T] = self._coroutine.__await__()
        error: BaseException | None = None
        value: Any = None
        while True:
            began = time.monotonic()
            try:
                waits_for: Any = inner.send(value) if error is None else inner.throw(error)
            except StopIteration as done:
                return done.value
            finally:
                self.longest_s = max(self.longest_s, time.monotonic() - began)
            try:
                error, value = None, (yield waits_for)
            except BaseException as thrown:  # noqa: BLE001 - a cancellation or a time-out is the coroutine's to see
                error = thrown
