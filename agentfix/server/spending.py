"""What each key has spent of its budgets, by day."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Protocol

from agentfix.errors import JournalError

BUSY_S = 5.0
"""How long a write waits for another process's."""
_ADD = ("INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT (name, day) DO UPDATE SET "
        "tokens = tokens + excluded.tokens, cost = cost + excluded.cost RETURNING tokens, cost")


class Spending(Protocol):
    """Keeps it. Days are numbered from the epoch, in UTC."""

    def add(self, name: str, day: int, tokens: int, cost: float) -> tuple[int, float]:
        """Count what was spent. Returns all tokens and all money under that name on that day."""
        ...


class SpendingInMemory:
    """Forgets it with the process. Implements `Spending`."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str, int], tuple[int, float]] = {}

    def add(self, name: str, day: int, tokens: int, cost: float) -> tuple[int, float]:
        """See `Spending`."""
        before = self._spent.get((name, day), (0, 0.0))
        self._spent[name, day] = (before[0] + tokens, before[1] + cost)
        return self._spent[name, day]


class SpendingFile:
    """Keeps it in SQLite: names of keys and sums, no key. Several servers, and the threads of each, may use one
    file. Implements `Spending`.

    Args:
        path: the file, made when something is first asked of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def add(self, name: str, day: int, tokens: int, cost: float) -> tuple[int, float]:
        """See `Spending`. Raises JournalError: the file can't be written."""
        try:
            with self._lock:
                row = self._opened().execute(_ADD, (name, day, tokens, cost)).fetchone()
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            raise JournalError(f"What keys have spent ({self._path}) can't be written: {error}.",
                               "Free space, mend the folder's rights, or move the file away: then budgets begin anew."
                               ) from error
        return int(row[0]), float(row[1])

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
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
