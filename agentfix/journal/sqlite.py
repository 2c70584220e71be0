"""The journal in SQLite: write-ahead log, one row per call, readers never wait."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from agentfix.errors import JournalError
from agentfix.journal import schema, texts
from agentfix.journal.claims import Claims
from agentfix.journal.damage import DAMAGE, damaged, naming
from agentfix.journal.shelf import Freed, RunRow, under_way
from agentfix.protocols import CallKey, JournalledCall

BUSY_S = 30
"""How long a write waits for another process's."""
LOG_PAGES = 250
"""The write-ahead log is folded into the file whenever it has grown by a megabyte."""
_LAST_ACTIVE = "max(begun, coalesce((SELECT max(ended) FROM calls WHERE run = runs.number), 0))"
_ROWS = f"""SELECT id, begun, {_LAST_ACTIVE}, header,
              (SELECT count(*) FROM calls WHERE run = runs.number AND reply IS NOT NULL),
              (SELECT data FROM records WHERE run = runs.number AND kind = 'result'),
              (SELECT data FROM records WHERE run = runs.number AND kind = 'failure')
            FROM runs"""
_STATE = """SELECT (SELECT count(*) FROM calls WHERE run = runs.number),
                     (SELECT max(ended) FROM calls WHERE run = runs.number),
                     (SELECT total(length(data)) FROM records WHERE run = runs.number),
                     (SELECT group_concat(data) FROM records WHERE run = runs.number AND kind = 'remark')
            FROM runs WHERE id = ?"""
_REMARKED = """SELECT data FROM records WHERE run = (SELECT number FROM runs WHERE id = ?) AND kind = 'remark'
               ORDER BY number"""
_OF_RUN = "run = (SELECT number FROM runs WHERE id = ?)"


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
                            (run, time.time(), self._dumped(header)))

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        with self.reading():
            row = self.db.execute("SELECT header FROM runs WHERE id = ?", (run,)).fetchone()
            return self._loaded(row[0]) if row else None

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
            return self._loaded(row[0]) if row else None

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """See `agentfix.Journal`."""
        with self.guarding("written"), self._durably(), self.transaction():
            made = self.db.execute(
                "INSERT OR IGNORE INTO calls (run, place, digest, request) VALUES (?, ?, ?, ?)",
                (self._number(key.run), key.place, bytes.fromhex(key.digest), self._dumped(request)))
            return made.rowcount == 1

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        with self.guarding("written"), self.transaction():
            self.db.execute(
                "INSERT OR REPLACE INTO calls (run, place, digest, request, reply, ended) VALUES (?, ?, ?, ?, ?, ?)",
                (self._number(key.run), key.place, bytes.fromhex(key.digest), self._dumped(request),
                 self._dumped(reply), time.time()))

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
            self.db.execute(statement, (self._number(run), kind, key, self._dumped(data)))

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """See `agentfix.Journal`."""
        query = f"SELECT data FROM records WHERE {_OF_RUN} AND kind = ? ORDER BY number"
        with self.reading(), naming(run):
            rows = self.db.execute(query, (run, kind)).fetchall()
            return [self._loaded(row[0]) for row in rows]

    async def aclose(self) -> None:
        """Close the file. May be called twice."""
        if self.claims is not None:
            self.claims.close()
        self.db.close()

    # --- for people --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def claim(self, run: str) -> AsyncGenerator[None]:
        """See `Shelf`."""
        with nullcontext() if self.claims is None else self.claims.of(run):
            yield

    def about(self) -> str:
        """See `Shelf`."""
        with self.reading():
            return f"{self._where}, {self.db.execute('SELECT count(*) FROM runs').fetchone()[0]} runs"

    def rows(self, run: str | None = None, limit: int | None = None) -> list[RunRow]:
        """See `Shelf`."""
        query = f"{_ROWS} WHERE ?1 IS NULL OR id = ?1 ORDER BY begun DESC, number DESC LIMIT ?2"
        with self.reading():
            rows = self.db.execute(query, (run, -1 if limit is None else limit)).fetchall()
            return [self._row(*row) for row in rows]

    def state(self, run: str) -> tuple[object, ...] | None:
        """See `Shelf`."""
        with self.reading():
            row = self.db.execute(_STATE, (run,)).fetchone()
            return None if row is None else (*row, self._held_elsewhere(run))

    def names(self, begins: str) -> list[str]:
        """See `Shelf`."""
        query = "SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY begun DESC, number DESC"
        with self.guarding("read"):
            return [str(row[0]) for row in self.db.execute(query, (begins,))]

    def remove(self, names: Sequence[str]) -> None:
        """See `Shelf`."""
        if held := next((name for name in names if self._held_elsewhere(name)), None):
            raise under_way(held)
        with self.guarding("written"), self.transaction():
            self.db.executemany("DELETE FROM runs WHERE id = ?", ((name,) for name in names))
            self._drop_orphans()

    def clear(self, older_than_s: float | None) -> Freed:
        """See `Shelf`. What is left over is found and dropped while no other process writes.

        Raises:
            JournalError: also when the file could not be made smaller, after all was dropped.
        """
        with self.guarding("written"):
            before = self._size()
            with self.transaction():
                old = list[tuple[str]]()
                if older_than_s is not None:
                    oldest = time.time() - older_than_s
                    found = self.db.execute(f"SELECT id FROM runs WHERE {_LAST_ACTIVE} < ?", (oldest,)).fetchall()
                    old = [row for row in found if not self._held_elsewhere(row[0])]
                    self.db.executemany("DELETE FROM runs WHERE id = ?", old)
                self._drop_orphans()
                unused = self._unused_texts()
                self.db.executemany("DELETE FROM texts WHERE id = ?", ((number,) for number in unused))
            self._shrink()
            return Freed(len(old), len(unused), max(0, before - self._size()))

    def _row(self, name: str, begun: float, active: float, header: str, calls: int,
             result: str | None, failure: str | None) -> RunRow:
        with naming(name):
            remarks = [self._loaded(row[0]) for row in self.db.execute(_REMARKED, (name,)).fetchall()]
            return RunRow(name, float(begun), float(active), self._loaded(header), calls,
                          None if result is None else self._loaded(result),
                          None if failure is None else self._loaded(failure), remarks,
                          result is None and self._held_elsewhere(name))

    def _held_elsewhere(self, run: str) -> bool:
        return self.claims is not None and self.claims.held_elsewhere(run)

    def _shrink(self) -> None:
        try:
            self.db.execute("VACUUM")
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:  # it needs room for a copy, and waits for others
            raise JournalError(f"What was forgotten is dropped, but the file could not be made smaller: {error}.",
                               "Later runs use the space; or try again.") from error

    def _drop_orphans(self) -> None:
        for table in ("calls", "records"):
            self.db.execute(f"DELETE FROM {table} WHERE run NOT IN (SELECT number FROM runs)")

    def _unused_texts(self) -> list[int]:
        used = set[int]()
        for table, columns in (("runs", ("header",)), ("calls", ("request", "reply")), ("records", ("data",))):
            for column in columns:
                for (data,) in self.db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
                    used |= texts.references(data)
        return [number for (number,) in self.db.execute("SELECT id FROM texts") if number not in used]

    def _size(self) -> int:
        pages, size = (self.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(size)

    # --- inside --------------------------------------------------------------------------------------------------

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def _number(self, run: str) -> int:
        """Looked up for each write: another process may have forgotten the run and given its number to a new one."""
        row = self.db.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise JournalError(f"The journal {self._where} has no run {run!r}.", "See: agentfix runs list")
        return int(row[0])

    def _dumped(self, value: Any) -> str:
        return texts.dump(value, lambda text: schema.put_text(self.db, text))

    def _loaded(self, data: str) -> Any:
        return texts.load(data, lambda number: schema.get_text(self.db, number))

    def _call(self, place: str, digest: str, request: str, reply: str | None, ended: float | None) -> JournalledCall:
        return JournalledCall(place, digest, self._loaded(request),
                              None if reply is None else self._loaded(reply), ended or 0.0)

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
            raise damaged(self._where, what, error, "move the file away") from error
