"""The journal in SQLite: write-ahead log, one row per call, readers never wait."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentfix.errors import JournalError
from agentfix.journal import schema, texts
from agentfix.journal.claims import Claims
from agentfix.protocols import CallKey, JournalledCall

BUSY_S = 30
"""How long a write waits for another process's."""
LOG_PAGES = 250
"""The write-ahead log is folded into the file whenever it has grown by a megabyte."""
DAMAGE = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error)
"""What reading raises where something else stands than was written."""
_OF_RUN = "run = (SELECT number FROM runs WHERE id = ?)"


@contextmanager
def naming(run: str) -> Generator[None]:
    """Have an error about what a journal holds say which run can't be read."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # the disk's fault, or another process's
    except DAMAGE as error:
        raise ValueError(f"run {run!r}: {error}") from error


class SqliteJournal:
    """A journal file, made when it is not there. Implements `agentfix.Journal`.

    Statements are short and run in the caller's thread; several processes may use one file. What was written survives
    the death of the process at any moment; the beginning of a call with side effects survives a power cut too.

    Args:
        path: the file, or None to keep the journal in memory only.

    Raises:
        JournalError: the file can't be opened, is no journal, or was written by a newer agentfix.
    """

    def __init__(self, path: Path | None) -> None:
        self._where = str(path) if path else "memory"
        self.claims = Claims(path) if path else None
        """Which runs are under way, for a file that other processes may use."""
        self._lock = threading.RLock()
        with self.guarding("opened"):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False,
                                      timeout=BUSY_S, cached_statements=64)
        try:
            with self.guarding("opened"):
                self._prepare()
        except JournalError:
            self.db.close()
            raise

    def _prepare(self) -> None:
        self._use_write_ahead_log()
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        if self._version() == schema.VERSION:
            return
        with self.transaction():
            version = self._version()
            if version > schema.VERSION:
                raise JournalError(f"The journal {self._where} was written by a newer agentfix (schema {version}).",
                                   "Upgrade agentfix, or set another data_dir.")
            if version == 0 and self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise JournalError(f"{self._where} is not a journal: it is a database of something else.",
                                   "Set another data_dir.")
            if version < schema.VERSION:
                schema.prepare(self.db, version)

    def _use_write_ahead_log(self) -> None:
        """Of several processes that do so to a new file, SQLite refuses all but one at once, whatever its time-out."""
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                self.db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    # --- runs ----------------------------------------------------------------------------------------------------

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        with self.guarding("written"), self.transaction():
            self.db.execute("""INSERT INTO runs (id, begun, header) VALUES (?, ?, ?)
                               ON CONFLICT (id) DO UPDATE SET header = excluded.header""",
                            (run, time.time(), texts.dump(header, self.db)))

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        with self.reading():
            row = self.db.execute("SELECT header FROM runs WHERE id = ?", (run,)).fetchone()
            return texts.load(row[0], self.db) if row else None

    # --- calls ---------------------------------------------------------------------------------------------------

    async def find(self, key: CallKey) -> JournalledCall | None:
        """See `agentfix.Journal`."""
        query = f"SELECT request, reply, ended FROM calls WHERE {_OF_RUN} AND place = ? AND digest = ?"
        with self.reading():
            row = self.db.execute(query, (key.run, key.place, bytes.fromhex(key.digest))).fetchone()
            return self._call(key.place, key.digest, *row) if row else None

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        query = "SELECT reply FROM calls WHERE digest = ? AND reply IS NOT NULL ORDER BY number LIMIT 1"
        with self.reading():
            row = self.db.execute(query, (bytes.fromhex(digest),)).fetchone()
            return texts.load(row[0], self.db) if row else None

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """See `agentfix.Journal`."""
        with self.guarding("written"), self._durably(), self.transaction():
            made = self.db.execute(
                "INSERT OR IGNORE INTO calls (run, place, digest, request) VALUES (?, ?, ?, ?)",
                (self._number(key.run), key.place, bytes.fromhex(key.digest), texts.dump(request, self.db)))
            return made.rowcount == 1

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        with self.guarding("written"), self.transaction():
            self.db.execute(
                "INSERT OR REPLACE INTO calls (run, place, digest, request, reply, ended) VALUES (?, ?, ?, ?, ?, ?)",
                (self._number(key.run), key.place, bytes.fromhex(key.digest), texts.dump(request, self.db),
                 texts.dump(reply, self.db), time.time()))

    async def calls(self, run: str) -> list[JournalledCall]:
        """See `agentfix.Journal`."""
        query = f"""SELECT place, digest, request, reply, ended FROM calls WHERE {_OF_RUN}
                    ORDER BY ended IS NULL, number"""
        with self.reading(), naming(run):
            rows = self.db.execute(query, (run,)).fetchall()
            return [self._call(place, digest.hex(), *rest) for place, digest, *rest in rows]

    # --- records -------------------------------------------------------------------------------------------------

    async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        statement = """INSERT INTO records (run, kind, key, data) VALUES (?, ?, ?, ?)
                       ON CONFLICT (run, kind, key) DO UPDATE SET data = excluded.data"""
        with self.guarding("written"), self.transaction():
            self.db.execute(statement, (self._number(run), kind, key, texts.dump(data, self.db)))

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """See `agentfix.Journal`."""
        query = f"SELECT data FROM records WHERE {_OF_RUN} AND kind = ? ORDER BY number"
        with self.reading(), naming(run):
            rows = self.db.execute(query, (run, kind)).fetchall()
            return [texts.load(row[0], self.db) for row in rows]

    async def aclose(self) -> None:
        """Close the file. May be called twice."""
        if self.claims is not None:
            self.claims.close()
        self.db.close()

    # --- inside --------------------------------------------------------------------------------------------------

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def _number(self, run: str) -> int:
        """Looked up for each write: another process may have forgotten the run and given its number to a new one."""
        row = self.db.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise JournalError(f"The journal {self._where} has no run {run!r}.", "See: agentfix runs list")
        return int(row[0])

    def _call(self, place: str, digest: str, request: str, reply: str | None, ended: float | None) -> JournalledCall:
        return JournalledCall(place, digest, texts.load(request, self.db),
                              None if reply is None else texts.load(reply, self.db), ended or 0.0)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, alone among writers."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def reading(self) -> Generator[None]:
        """See one state of the file, whatever other processes write or clear away meanwhile."""
        with self.guarding("read"):
            self.db.execute("BEGIN")
            try:
                yield
            finally:
                if self.db.in_transaction:  # a disk that fails ends it by itself
                    self.db.execute("COMMIT")

    @contextmanager
    def _durably(self) -> Generator[None]:
        """Wait for the disk itself, as write-ahead logs otherwise don't at each write."""
        self.db.execute("PRAGMA synchronous = FULL")
        try:
            yield
        finally:
            self.db.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def guarding(self, what: str) -> Generator[None]:
        """Turn what SQLite and the disk raise into a JournalError."""
        try:
            with self._lock:  # runs of one agent may go on in several threads
                yield
        except (sqlite3.OperationalError, OSError) as error:
            raise JournalError(
                f"The journal {self._where} can't be {what}: {error}.",
                "Free disk space, mend its permissions, set another data_dir, or keep it in memory with "
                "--journal memory.",
            ) from error
        except DAMAGE as error:
            raise JournalError(
                f"The journal {self._where} can't be {what}: what it holds is damaged ({str(error)[:200]}).",
                "Forget the run that can't be read (agentfix runs rm RUN), or move the file away.",
            ) from error
