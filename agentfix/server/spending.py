"""What each key has spent of its budgets, by day."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from agentfix.errors import JournalError

BUSY_S = 5.0
"""How long a write waits for another process's."""


class Spending(Protocol):
    """Keeps it. Days are numbered from the epoch, in UTC."""

    def of(self, name: str, day: int) -> tuple[int, float]:
        """The tokens and the money that were spent under a name on a day."""
        ...

    def add(self, name: str, day: int, tokens: int, cost: float) -> None:
        """Count what was spent."""
        ...


class SpendingInMemory:
    """Forgets it with the process. Implements `Spending`."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str, int], tuple[int, float]] = {}

    def of(self, name: str, day: int) -> tuple[int, float]:
        """See `Spending`."""
        return self._spent.get((name, day), (0, 0.0))

    def add(self, name: str, day: int, tokens: int, cost: float) -> None:
        """See `Spending`."""
        before = self.of(name, day)
        self._spent[name, day] = (before[0] + tokens, before[1] + cost)


class SpendingFile:
    """Keeps it in SQLite: names of keys and sums, no key. Several servers may use one file. Implements `Spending`.

    Args:
        path: the file, made when something is first asked of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def of(self, name: str, day: int) -> tuple[int, float]:
        """See `Spending`. Raises JournalError: the file can't be read."""
        with self._guarding("read") as db:
            row = db.execute("SELECT tokens, cost FROM spent WHERE name = ? AND day = ?", (name, day)).fetchone()
            return (0, 0.0) if row is None else (int(row[0]), float(row[1]))

    def add(self, name: str, day: int, tokens: int, cost: float) -> None:
        """See `Spending`. Raises JournalError: the file can't be written."""
        with self._guarding("written") as db:
            db.execute("INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT (name, day) DO UPDATE SET "
                       "tokens = tokens + excluded.tokens, cost = cost + excluded.cost", (name, day, tokens, cost))

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def _guarding(self, done: str) -> Generator[sqlite3.Connection]:
        try:
            yield self._opened()
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            raise JournalError(f"What keys have spent ({self._path}) can't be {done}: {error}.",
                               "Free space, mend the folder's rights, or move the file away: then budgets begin anew."
                               ) from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_S)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute("CREATE TABLE IF NOT EXISTS spent (name TEXT NOT NULL, day INTEGER NOT NULL, "
                           "tokens INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY (name, day))")
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db
