"""What strategies remember from one run to the next, in SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from agentfix.errors import JournalError

BUSY_S = 30
MOST_BYTES = 262_144
"""Of one strategy's memory of one kind of task."""


class SqliteMemory:
    """A memory file, made when something is first learnt. Implements `agentfix.Memory`.

    Args:
        path: the file, or None to forget everything when the process ends.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._lock = threading.RLock()

    async def recall(self, strategy: str, kind: str) -> Mapping[str, Any]:
        """See `agentfix.Memory`."""
        if self._db is None and (self._path is None or not self._path.exists()):
            return {}
        with self._guarding("read") as db:
            return _held(db, strategy, kind)

    async def learn(self, strategy: str, kind: str,
                    change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """See `agentfix.Memory`."""
        with self._guarding("written") as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                text = written_memory(strategy, change(_held(db, strategy, kind)))
                db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (strategy, kind, text))
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    async def forget(self, strategy: str | None = None) -> int:
        """See `agentfix.Memory`."""
        if self._db is None and (self._path is None or not self._path.exists()):
            return 0
        with self._guarding("written") as db:
            return db.execute("DELETE FROM memory WHERE ?1 IS NULL OR strategy = ?1", (strategy,)).rowcount

    async def all(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """See `agentfix.Memory`."""
        if self._db is None and (self._path is None or not self._path.exists()):
            return []
        with self._guarding("read") as db:
            rows = db.execute("SELECT strategy, kind, data FROM memory ORDER BY strategy, kind").fetchall()
            return [(strategy, kind, read_memory(data)) for strategy, kind, data in rows]

    async def aclose(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def _guarding(self, done: str) -> Generator[sqlite3.Connection]:
        where = self._path or "memory"
        with self._lock:
            try:
                yield self._opened()
            except (sqlite3.Error, OSError, ValueError) as error:
                raise JournalError(f"The memory of strategies ({where}) can't be {done}: {error}.",
                                   "Free space or mend the folder's rights; or delete that file, and they begin "
                                   "anew; or set memory = false.") from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path or ":memory:", isolation_level=None, check_same_thread=False,
                                       timeout=BUSY_S)
            self._db.execute("CREATE TABLE IF NOT EXISTS memory (strategy TEXT, kind TEXT, data TEXT NOT NULL, "
                             "PRIMARY KEY (strategy, kind))")
        return self._db


def _held(db: sqlite3.Connection, strategy: str, kind: str) -> Mapping[str, Any]:
    row = db.execute("SELECT data FROM memory WHERE strategy = ? AND kind = ?", (strategy, kind)).fetchone()
    return {} if row is None else read_memory(row[0])


def read_memory(data: Any) -> Mapping[str, Any]:
    """What is kept of one kind of task. Raises ValueError: it is no object of JSON."""
    try:
        held: Any = json.loads(data)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"what is remembered is no JSON: {error}") from error
    if not isinstance(held, dict):
        raise ValueError("what is remembered is no object")
    return cast("dict[str, Any]", held)


def written_memory(strategy: str, learnt: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(dict(learnt), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(f"What strategy {strategy!r} would remember is no object of JSON: {error}.",
                           "Report it to its author; nothing was learnt.") from error
    if len(text) > MOST_BYTES:
        raise JournalError(f"What strategy {strategy!r} would remember is {len(text):,} bytes long; "
                           f"{MOST_BYTES:,} are possible.", "Have it forget what did not help.")
    return text
