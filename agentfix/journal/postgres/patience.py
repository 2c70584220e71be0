"""Connections that nobody waits for without end: the network, or the server, may come to a standstill unsaid."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

LOCK_S = 30
"""How long a write waits for another process's."""
STATEMENT_S = LOCK_S + 15.0
"""How long a statement of a run may take, with the lock that it waits for."""
REACH_S = 20.0
"""How long a server that was reached before is waited for: one that is started anew is back by then."""
GIVEN_UP_S = 5.0
"""How long what nobody waits for any more may still take."""


class Patience:
    """How long a piece of work waits for the server.

    Args:
        statement_s: for each answer.
    """

    def __init__(self, statement_s: float | None = None) -> None:
        self._statement_s = STATEMENT_S if statement_s is None else statement_s
        self._reach_until: float | None = None
        self._until = math.inf

    def give_up(self) -> None:
        """Nobody waits for the work any more. May be called from any thread."""
        self._until = min(self._until, time.monotonic() + GIVEN_UP_S)

    @property
    def given_up(self) -> bool:
        """Whether nobody waits any more."""
        return self._until < math.inf

    @property
    def reach_s(self) -> float:
        """How long the server may still be waited for, from when this is first asked."""
        if self._reach_until is None:
            self._reach_until = time.monotonic() + REACH_S
        return max(0.0, min(self._reach_until, self._until) - time.monotonic())

    def is_over(self, asked: float) -> bool:
        """Whether an answer is waited for no longer.

        Args:
            asked: when it was asked for, as `time.monotonic` tells.
        """
        return time.monotonic() > min(self._until, asked + self._statement_s)


PATIENCE: ContextVar[Patience | None] = ContextVar("PATIENCE", default=None)
"""Of the work that is under way."""


class NoAnswerError(psycopg.OperationalError):
    """The server gave no answer in time. The connection was closed."""


class Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when an answer does not come in time."""

    def wait(self, gen: PQGen[T], *given: Any, **named: Any) -> T:
        """See psycopg: each statement, and each end of a transaction, waits here."""
        return super().wait(self._impatient(gen), *given, **named)

    def _impatient(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """psycopg tells a generator every tenth of a second that there is nothing yet."""
        patience, asked = PATIENCE.get() or Patience(), time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and patience.is_over(asked):
                    self.close()
                    raise NoAnswerError(f"it gave no answer in {time.monotonic() - asked:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as ended:
            return ended.value
