"""The runs of a journal, for people: what there is, what may go, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import InputError, JournalError
from agentfix.evidence import counted, remarked
from agentfix.exchange import check_call
from agentfix.journal.damage import naming
from agentfix.journal.shelf import Freed, KeptJournal, RunRow
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


class Archive:
    """What people do with a journal.

    Every method raises JournalError when it can't be read or written.
    """

    def __init__(self, journal: KeptJournal) -> None:
        self._journal = journal

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """The runs, newest first."""
        return [self._summary(row) for row in self._journal.rows(limit=limit)]

    def state(self, run: str) -> tuple[object, ...]:
        """What is another as soon as more is known of a run, or another process takes it up or leaves it.

        Args:
            run: its full name.
        """
        state = self._journal.state(run)
        if state is None:
            raise _unknown(run)
        return state

    async def story(self, run: str) -> RunStory:
        """Everything about a run.

        Args:
            run: its full name, as `find` gives it.
        """
        rows = self._journal.rows(run)
        if not rows:
            raise _unknown(run)
        summary = self._summary(rows[0])
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
        found = self._journal.names("" if name == LATEST else name) if name else []
        if name in found:
            return name
        if not found:
            raise _unknown(name) if name != LATEST else JournalError("There are no runs yet.",
                                                                     "Make one: agentfix run QUESTION")
        if len(found) > 1 and name != LATEST:
            shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
            raise InputError(f"{len(found)} runs begin with {name!r}: {shown}.", "Write more of the name.")
        return found[0]

    def remove(self, names: Sequence[str]) -> None:
        """Forget runs. The space they took is free after `clear`.

        Raises:
            RunUnderWayError: another process is at work on one of them; none is forgotten.
        """
        self._journal.remove(names)

    def clear(self, older_than_days: float | None = None) -> Freed:
        """Forget old runs, and give back the space of what nothing refers to any more.

        Other processes may write meanwhile.

        Args:
            older_than_days: runs in which nothing has happened for so long are forgotten, but those that another
                process is at work on; none when not given.

        Raises:
            JournalError: also when the file could not be made smaller, after all was dropped.
        """
        return self._journal.clear(None if older_than_days is None else older_than_days * DAY_S)

    def _summary(self, row: RunRow) -> RunSummary:
        with self._journal.guarding("read"), naming(row.id):
            ended = None if row.result is None else _RESULT.validate_python(row.result)
            parts = (_OBJECT.validate_python(row.header.get(part) or {}) for part in ("task", "settings", "from"))
            task, settings, origin = parts
            if ended is not None:
                _check_result(ended)
                required = EvidenceClass.parse(str(settings.get("require", "agreement")))
                ended = counted(ended, _REMARKS.validate_python(row.remarks), required)
            why = "" if row.failure is None else str(row.failure["message"])
            return RunSummary(row.id, row.begun, row.last_active, str(task.get("question", "")), settings, row.calls,
                              ended, why, ended is None and row.under_way, str(origin.get("run", "")))


def _unknown(run: str) -> JournalError:
    return JournalError(f"There is no run {run!r}.", "See: agentfix runs list")


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
