"""The journal in SQLite: write-ahead log, one row per call, readers never wait."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentfix.errors import JournalError
from agentfix.protocols import CallKey

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE runs (id TEXT PRIMARY KEY, begun REAL NOT NULL, header TEXT NOT NULL);
CREATE TABLE calls (
    run TEXT NOT NULL, place TEXT NOT NULL, digest TEXT NOT NULL,
    request TEXT NOT NULL, reply TEXT, begun REAL NOT NULL, ended REAL,
    PRIMARY KEY (run, place, digest)
) WITHOUT ROWID;
CREATE INDEX calls_by_digest ON calls (digest) WHERE reply IS NOT NULL;
CREATE TABLE records (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX records_by_run ON records (run, id);
"""


class SqliteJournal:
    """A journal file, made when it is not there.

    Statements are short and run in the caller's thread; several processes may use one file.

    Args:
        path: the file, or None to keep the journal in memory only.

    Raises:
        JournalError: the file can't be opened, is no journal, or was written by a newer agentfix.
    """

    def __init__(self, path: Path | None) -> None:
        self._where = str(path) if path else "memory"
        with self._guard("opened"):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=30)
        try:
            with self._guard("opened"):
                self._prepare()
        except JournalError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            self._db.execute("ROLLBACK")
            raise JournalError(f"The journal {self._where} was written by a newer agentfix (schema {version}).",
                               "Upgrade agentfix, or set another data_dir.")
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._db.execute("ROLLBACK")
            raise JournalError(f"{self._where} is not a journal: it is a database of something else.",
                               "Set another data_dir.")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._db.execute("COMMIT")

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """Note that a run begins; a run that is known already keeps its first header."""
        with self._guard("written"):
            self._db.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", (run, time.time(), _dump(header)))

    async def find(self, key: CallKey) -> Mapping[str, Any] | None:
        """The stored reply of a call that ended, or None."""
        query = "SELECT reply FROM calls WHERE run = ? AND place = ? AND digest = ?"
        with self._guard("read"):
            row = self._db.execute(query, (key.run, key.place, key.digest)).fetchone()
            return json.loads(row[0]) if row and row[0] is not None else None

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """The reply that any run has for the same request, or None."""
        query = "SELECT reply FROM calls WHERE digest = ? AND reply IS NOT NULL ORDER BY ended LIMIT 1"
        with self._guard("read"):
            row = self._db.execute(query, (digest,)).fetchone()
            return json.loads(row[0]) if row else None

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> None:
        """Note that a call is about to be made."""
        with self._guard("written"):
            self._db.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, NULL, ?, NULL)",
                             (key.run, key.place, key.digest, _dump(request), time.time()))

    async def end(self, key: CallKey, reply: Mapping[str, Any]) -> None:
        """Store the reply of a call."""
        with self._guard("written"):
            self._db.execute("UPDATE calls SET reply = ?, ended = ? WHERE run = ? AND place = ? AND digest = ?",
                             (_dump(reply), time.time(), key.run, key.place, key.digest))

    async def append(self, run: str, kind: str, data: Mapping[str, Any]) -> None:
        """Add a record (an attempt, a critique, the result)."""
        with self._guard("written"):
            self._db.execute("INSERT INTO records (run, at, kind, data) VALUES (?, ?, ?, ?)",
                             (run, time.time(), kind, _dump(data)))

    async def aclose(self) -> None:
        """Close the file. May be called twice."""
        self._db.close()

    @contextmanager
    def _guard(self, what: str) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, json.JSONDecodeError) as error:
            raise JournalError(f"The journal {self._where} can't be {what}: {error}.",
                               "Free disk space, mend its permissions, or set another data_dir.") from error


def _dump(value: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which a model's JSON can hold and SQLite can't
        return json.dumps(value, separators=(",", ":"))
    return text
