"""The runs of a journal, for people: what there is, what may go, and what is left over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from agentfix.errors import InputError, JournalError
from agentfix.journal import texts
from agentfix.journal.sqlite import SqliteJournal

LATEST = "last"
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a line."""

    id: str
    begun: float
    """Seconds since the epoch."""
    question: str
    model: str
    strategy: str
    calls: int
    result: dict[str, Any] | None
    """As plain JSON; None for a run that has not ended."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What was cleared away."""

    runs: int
    texts: int
    bytes: int


class Archive:
    """What people do with a journal.

    Every method raises JournalError when it can't be read or written.
    """

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """The runs, newest first."""
        query = """SELECT id, begun, header,
                     (SELECT count(*) FROM calls WHERE run = runs.number AND reply IS NOT NULL),
                     (SELECT data FROM records WHERE run = runs.number AND kind = 'result')
                   FROM runs ORDER BY begun DESC, number DESC LIMIT ?"""
        with self._journal.guarding("read"):
            rows = self._journal.db.execute(query, (-1 if limit is None else limit,)).fetchall()
            return [self._summary(*row) for row in rows]

    def find(self, name: str) -> str:
        """The full name of a run, from its beginning; `last` is the latest.

        Raises:
            JournalError: there is no such run.
            InputError: several begin like that.
        """
        begins = "" if name == LATEST else name
        query = "SELECT id FROM runs WHERE substr(id, 1, length(?)) = ? ORDER BY begun DESC, number DESC"
        with self._journal.guarding("read"):
            found = [str(row[0]) for row in self._journal.db.execute(query, (begins, begins))]
        if name in found:
            return name
        if not found:
            raise JournalError("There are no runs yet." if name == LATEST else f"There is no run {name!r}.",
                               "See: agentfix runs list")
        if len(found) > 1 and name != LATEST:
            raise InputError(f"{len(found)} runs begin with {name!r}: {', '.join(found[:5])}.",
                             "Write more of the name.")
        return found[0]

    def remove(self, names: list[str]) -> None:
        """Forget runs. The space they took is free after `clear`."""
        with self._journal.guarding("written"), self._journal.transaction():
            for name in names:
                self._journal.db.execute("DELETE FROM runs WHERE id = ?", (name,))
            self._drop_orphans()

    def clear(self, older_than_days: float | None = None) -> Freed:
        """Forget old runs, and give back the space of what nothing refers to any more.

        Args:
            older_than_days: runs begun before that are forgotten; none when not given.
        """
        db = self._journal.db
        with self._journal.guarding("written"):
            before = self._size()
            with self._journal.transaction():
                gone = 0
                if older_than_days is not None:
                    oldest = time.time() - older_than_days * DAY_S
                    gone = db.execute("DELETE FROM runs WHERE begun < ?", (oldest,)).rowcount
                self._drop_orphans()
                unused = self._unused_texts()
                db.executemany("DELETE FROM texts WHERE id = ?", ((number,) for number in unused))
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return Freed(gone, len(unused), max(0, before - self._size()))

    def _drop_orphans(self) -> None:
        for table in ("calls", "records"):
            self._journal.db.execute(f"DELETE FROM {table} WHERE run NOT IN (SELECT number FROM runs)")

    def _unused_texts(self) -> list[int]:
        db, used = self._journal.db, set[int]()
        for table, columns in (("runs", ("header",)), ("calls", ("request", "reply")), ("records", ("data",))):
            for column in columns:
                for (data,) in db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
                    used |= texts.references(data)
        return [number for (number,) in db.execute("SELECT id FROM texts") if number not in used]

    def _size(self) -> int:
        db = self._journal.db
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(size)

    def _summary(self, name: str, begun: float, header: str, calls: int, result: str | None) -> RunSummary:
        db = self._journal.db
        told: dict[str, Any] = texts.load(header, db)
        task: dict[str, Any] = told.get("task") or {}
        settings: dict[str, Any] = told.get("settings") or {}
        return RunSummary(name, begun, str(task.get("question", "")), str(settings.get("model", "")),
                          str(settings.get("strategy", "")), calls, None if result is None else texts.load(result, db))
