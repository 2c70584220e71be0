"""The runs of a journal, for people: what there is, what may go, and what is left over."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import InputError, JournalError
from agentfix.evidence import counted, remarked
from agentfix.exchange import check_call
from agentfix.journal import texts
from agentfix.journal.sqlite import SqliteJournal, naming
from agentfix.protocols import JournalledCall
from agentfix.types import Attempt, Critique, EvidenceClass, Remark, Result, Round

LATEST = "last"
DAY_S = 86_400
_ATTEMPT = TypeAdapter(Attempt)
_CRITIQUE = TypeAdapter(Critique)
_RESULT = TypeAdapter(Result)
_REMARKS = TypeAdapter(list[Remark])
_ROUND = TypeAdapter(Round)
_OBJECT = TypeAdapter(dict[str, Any])
_LAST_ACTIVE = "max(begun, coalesce((SELECT max(ended) FROM calls WHERE run = runs.number), 0))"
_SUMMARY = f"""SELECT id, begun, {_LAST_ACTIVE}, header,
                 (SELECT count(*) FROM calls WHERE run = runs.number AND reply IS NOT NULL),
                 (SELECT data FROM records WHERE run = runs.number AND kind = 'result'),
                 (SELECT data FROM records WHERE run = runs.number AND kind = 'failure')
               FROM runs"""

_REMARKED = """SELECT data FROM records WHERE run = (SELECT number FROM runs WHERE id = ?) AND kind = 'remark'
               ORDER BY number"""


_STATE = """SELECT (SELECT count(*) FROM calls WHERE run = runs.number),
                     (SELECT max(ended) FROM calls WHERE run = runs.number),
                     (SELECT total(length(data)) FROM records WHERE run = runs.number),
                     (SELECT group_concat(data) FROM records WHERE run = runs.number AND kind = 'remark')
            FROM runs WHERE id = ?"""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a line. Times are seconds since the epoch."""

    id: str
    begun: float
    last_active: float
    """When its last call ended."""
    question: str
    settings: Mapping[str, Any]
    """Those that decide what happens in it."""
    calls: int
    """That ended."""
    result: Result | None
    """With what people said of it since; None for a run that has not ended."""
    failure: str = ""
    """What cut it off, where it could say so."""
    under_way: bool = False
    """Another process is at work on it."""
    continues: str = ""
    """The run that it goes on from; empty where it begins with its task."""


@dataclass(frozen=True, slots=True)
class RunStory:
    """A run, whole."""

    summary: RunSummary
    attempts: Sequence[Attempt]
    critiques: Sequence[Critique]
    steps: Sequence[JournalledCall]
    """The calls that ended, in order: the first is step 1."""
    in_doubt: Sequence[JournalledCall]
    """The calls of which nobody knows whether they happened."""
    rounds: Sequence[Round] = ()
    """What the run had come to after each round."""


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
        self._db = journal.db

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """The runs, newest first."""
        with self._journal.reading():
            rows = self._db.execute(f"{_SUMMARY} ORDER BY begun DESC, number DESC LIMIT ?",
                                    (-1 if limit is None else limit,)).fetchall()
            return [self._summary(*row) for row in rows]

    def state(self, run: str) -> tuple[object, ...]:
        """What is another as soon as more is known of a run, or another process takes it up or leaves it.

        Args:
            run: its full name.
        """
        claims = self._journal.claims
        with self._journal.reading():
            row = self._db.execute(_STATE, (run,)).fetchone()
            if row is None:
                raise JournalError(f"There is no run {run!r}.", "See: agentfix runs list")
            return (*row, claims is not None and claims.held_elsewhere(run))

    async def story(self, run: str) -> RunStory:
        """Everything about a run.

        Args:
            run: its full name, as `find` gives it.
        """
        with self._journal.reading():
            row = self._db.execute(f"{_SUMMARY} WHERE id = ?", (run,)).fetchone()
            if row is None:
                raise JournalError(f"There is no run {run!r}.", "See: agentfix runs list")
            summary = self._summary(*row)
        calls = await self._journal.calls(run)
        attempts = await self._journal.records(run, "attempt")
        critiques = await self._journal.records(run, "critique")
        rounds = await self._journal.records(run, "round")
        with self._journal.guarding("read"), naming(run):
            for call in calls:
                check_call(call.request, call.reply)
            made = [_ATTEMPT.validate_python(data) for data in attempts]
            _check_tree(made)
            if summary.result is not None:
                _check_tree(summary.result.attempts)
            remarks = _REMARKS.validate_python(await self._journal.records(run, "remark"))
            said = [remarked(r, r.attempt) for r in remarks if r.attempt is not None and r.attempt < len(made)]
            spoken = {(critique.attempt, critique.critic) for critique in said}
            others = (_CRITIQUE.validate_python(data) for data in critiques)
            return RunStory(
                summary, made, [*said, *(c for c in others if (c.attempt, c.critic) not in spoken)],
                [call for call in calls if call.reply is not None], [call for call in calls if call.reply is None],
                [_ROUND.validate_python(data) for data in rounds])

    def find(self, name: str) -> str:
        """The full name of a run, from its beginning; `last` is the latest.

        Raises:
            JournalError: there is no such run.
            InputError: several begin like that.
        """
        begins = "" if name == LATEST else name
        query = "SELECT id FROM runs WHERE substr(id, 1, length(?)) = ? ORDER BY begun DESC, number DESC"
        with self._journal.guarding("read"):
            found = [str(row[0]) for row in self._db.execute(query, (begins, begins))] if name else []
        if name in found:
            return name
        if not found:
            raise JournalError("There are no runs yet." if name == LATEST else f"There is no run {name!r}.",
                               "See: agentfix runs list")
        if len(found) > 1 and name != LATEST:
            shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
            raise InputError(f"{len(found)} runs begin with {name!r}: {shown}.", "Write more of the name.")
        return found[0]

    def remove(self, names: Sequence[str]) -> None:
        """Forget runs. The space they took is free after `clear`."""
        with self._journal.guarding("written"), self._journal.transaction():
            self._db.executemany("DELETE FROM runs WHERE id = ?", ((name,) for name in names))
            self._drop_orphans()

    def clear(self, older_than_days: float | None = None) -> Freed:
        """Forget old runs, and give back the space of what nothing refers to any more.

        Other processes may write meanwhile: what is left over is found and dropped while none of them does.

        Args:
            older_than_days: runs in which nothing has happened for so long are forgotten; none when not given.

        Raises:
            JournalError: also when the file could not be made smaller, after all was dropped.
        """
        with self._journal.guarding("written"):
            before = self._size()
            with self._journal.transaction():
                gone = 0
                if older_than_days is not None:
                    oldest = time.time() - older_than_days * DAY_S
                    gone = self._db.execute(f"DELETE FROM runs WHERE {_LAST_ACTIVE} < ?", (oldest,)).rowcount
                self._drop_orphans()
                unused = self._unused_texts()
                self._db.executemany("DELETE FROM texts WHERE id = ?", ((number,) for number in unused))
            self._shrink()
            return Freed(gone, len(unused), max(0, before - self._size()))

    def _shrink(self) -> None:
        try:
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:  # it needs room for a copy, and waits for others
            raise JournalError(f"What was forgotten is dropped, but the file could not be made smaller: {error}.",
                               "Later runs use the space; or try again.") from error

    def _drop_orphans(self) -> None:
        for table in ("calls", "records"):
            self._db.execute(f"DELETE FROM {table} WHERE run NOT IN (SELECT number FROM runs)")

    def _unused_texts(self) -> list[int]:
        used = set[int]()
        for table, columns in (("runs", ("header",)), ("calls", ("request", "reply")), ("records", ("data",))):
            for column in columns:
                for (data,) in self._db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
                    used |= texts.references(data)
        return [number for (number,) in self._db.execute("SELECT id FROM texts") if number not in used]

    def _size(self) -> int:
        pages, size = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(size)

    def _summary(self, name: str, begun: float, active: float, header: str, calls: int,
                 result: str | None, failure: str | None) -> RunSummary:
        with naming(name):
            told: dict[str, Any] = texts.load(header, self._db)
            ended = None if result is None else _RESULT.validate_python(texts.load(result, self._db))
            parts = (_OBJECT.validate_python(told.get(part) or {}) for part in ("task", "settings", "from"))
            task, settings, origin = parts
            if ended is not None:
                _check_result(ended)
                required = EvidenceClass.parse(str(settings.get("require", "agreement")))
                ended = counted(ended, self._remarks(name), required)
            why = "" if failure is None else str(texts.load(failure, self._db)["message"])
            claims = self._journal.claims
            return RunSummary(name, float(begun), float(active), str(task.get("question", "")), settings, calls, ended,
                              why, ended is None and claims is not None and claims.held_elsewhere(name),
                              str(origin.get("run", "")))

    def _remarks(self, run: str) -> list[Remark]:
        rows = self._db.execute(_REMARKED, (run,)).fetchall()
        return _REMARKS.validate_python([texts.load(row[0], self._db) for row in rows])


def _check_tree(attempts: Sequence[Attempt]) -> None:
    """Attempts are numbered in order, and each goes on from an earlier one: whoever follows them comes to an end.

    Raises:
        ValueError: they don't.
    """
    for place, attempt in enumerate(attempts):
        if attempt.id != place or not (attempt.parent is None or 0 <= attempt.parent < place):
            raise ValueError(f"attempt {attempt.id} of parent {attempt.parent} is in place {place}")


def _check_result(result: Result) -> None:
    """A result speaks of its own attempts only.

    Raises:
        ValueError: it doesn't.
    """
    named = [ended.best for ended in result.rounds] + [0 if result.best is None else result.best]
    known = len(result.attempts)
    if len(result.standings) != known or any(not 0 <= number < max(1, known) for number in named):
        raise ValueError("the result speaks of attempts that it does not have")
