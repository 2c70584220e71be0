"""Keeps on disk what engines found, and when each may be asked again, for all runs and processes.

Where the disk can't be used, nothing is kept, and turns are known in this process only: a search needs no more.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from agentfix import Passage, WebEngine, WebQuery

MOST_KEPT = 5000
MAX_BARRED_S = 3600.0
_WAIT_S = 1.0
"""For another process that writes."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS found (key TEXT PRIMARY KEY, at REAL NOT NULL, passages TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS turns (engine TEXT PRIMARY KEY, free_at REAL NOT NULL) WITHOUT ROWID",
)

_PASSAGES = TypeAdapter(list[Passage])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """The file of the web search.

    Args:
        path: of the file, which is made when it is needed; None to leave nothing on disk.
        age_s: how old a result may be; 0 to keep none.
        clock: tells the time in seconds, to all processes the same.
    """

    path: Path | None
    age_s: float
    clock: Callable[[], float] = time.time
    _free_at: dict[str, float] = field(default_factory=dict[str, float], init=False)
    """As in the file: when each engine may be asked."""

    async def recall(self, name: str, engine: WebEngine, query: WebQuery) -> list[Passage] | None:
        """What an engine found for a query, if it did so lately."""
        def read(database: sqlite3.Connection) -> list[Passage] | None:
            row = database.execute("SELECT passages FROM found WHERE key = ? AND at BETWEEN ? AND ?",
                                   (_key(name, engine, query), self.clock() - self.age_s, self.clock())).fetchone()
            return None if row is None else _PASSAGES.validate_json(row[0])

        return await self._use(read, None) if self.age_s else None

    async def keep(self, name: str, engine: WebEngine, query: WebQuery, passages: Sequence[Passage]) -> None:
        """Keep what an engine found; what is too old goes."""
        def write(database: sqlite3.Connection) -> None:
            text = json.dumps([asdict(passage) for passage in passages])
            database.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?)",
                             (_key(name, engine, query), self.clock(), text))
            database.execute("DELETE FROM found WHERE at < ? OR key IN "
                             "(SELECT key FROM found ORDER BY at DESC LIMIT -1 OFFSET ?)",
                             (self.clock() - self.age_s, MOST_KEPT))

        if self.age_s:
            await self._use(write, None)

    async def turn(self, name: str, pause_s: float, most_s: float) -> float:
        """Take the next turn at asking an engine.

        Args:
            name: of the engine.
            pause_s: how long it is to be left alone after that.
            most_s: how long one would wait. A later turn is not taken.

        Returns:
            How long to wait for it, in seconds.
        """
        def take(database: sqlite3.Connection) -> float:
            row = database.execute("SELECT free_at FROM turns WHERE engine = ?", (name,)).fetchone()
            wait_s = self._wait_s(row[0] if row else 0.0)
            if wait_s <= most_s:
                database.execute("INSERT OR REPLACE INTO turns VALUES (?, ?)", (name, self.clock() + wait_s + pause_s))
            return wait_s

        wait_s = await self._use(take, None)
        if wait_s is None:
            wait_s = self._wait_s(self._free_at.get(name, 0.0))
        if wait_s <= most_s:
            self._free_at[name] = self.clock() + wait_s + pause_s
        return wait_s

    async def bar(self, name: str, wait_s: float) -> None:
        """Have nobody ask an engine for so long."""
        until = self.clock() + min(wait_s, MAX_BARRED_S)

        def write(database: sqlite3.Connection) -> None:
            database.execute("INSERT INTO turns VALUES (?, ?) ON CONFLICT (engine) "
                             "DO UPDATE SET free_at = max(free_at, excluded.free_at)", (name, until))

        self._free_at[name] = until
        await self._use(write, None)

    def _wait_s(self, free_at: float) -> float:
        wait_s = free_at - self.clock()
        # Otherwise it is past, or told by a clock that was wrong.
        return wait_s if 0.0 <= wait_s <= MAX_BARRED_S else 0.0

    async def _use(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self.path is None:
            return otherwise
        try:
            return await asyncio.to_thread(_in_transaction, self.path, action)
        except (sqlite3.Error, OSError, ValueError, TypeError):
            return otherwise


def _in_transaction(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            database.execute(table)
        result = action(database)
        database.execute("COMMIT")
        return result


def _key(name: str, engine: WebEngine, query: WebQuery) -> str:
    text = " ".join(query.text.split())
    asked: list[Any] = [name, *engine.hosts, text, query.k, query.region, query.since, query.safe]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
