"""What is asked of a journal besides `agentfix.Journal`: to claim runs, and to list, look through and clear them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agentfix.errors import RunUnderWayError
from agentfix.protocols import Journal


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a journal holds of a run, in short. Times are seconds since the epoch."""

    id: str
    begun: float
    last_active: float
    """When its last call ended."""
    header: Mapping[str, Any]
    calls: int
    """That ended."""
    result: Mapping[str, Any] | None
    failure: Mapping[str, Any] | None
    remarks: Sequence[Mapping[str, Any]]
    """What people said of it since."""
    under_way: bool
    """Another process is at work on it."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What was cleared away."""

    runs: int
    texts: int
    bytes: int


@runtime_checkable
class Shelf(Protocol):
    """A journal that many processes may use, and people look into.

    Every method raises JournalError when the journal can't be read or written.
    """

    def claim(self, run: str) -> AbstractAsyncContextManager[None]:
        """Claim a run for this process, for as long as both live; entering raises RunUnderWayError."""
        ...

    def about(self) -> str:
        """What it is, and how many runs there are, in words."""
        ...

    def rows(self, run: str | None = None, limit: int | None = None) -> list[RunRow]:
        """One run, or all of them, newest first; no more than `limit`."""
        ...

    def state(self, run: str) -> tuple[object, ...] | None:
        """What is another as soon as more is known of a run, or another process takes it up or leaves it; None where
        there is no such run."""
        ...

    def names(self, begins: str) -> list[str]:
        """The runs whose names begin so, newest first."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Forget runs; raises RunUnderWayError where another process is at work on one."""
        ...

    def clear(self, older_than_s: float | None) -> Freed:
        """Forget the runs in which nothing has happened for so long and nobody is at work, and drop what nothing
        refers to any more, whoever writes meanwhile."""
        ...

    def guarding(self, what: str) -> AbstractContextManager[None]:
        """Turn what reading or writing raises into a JournalError."""
        ...


@runtime_checkable
class KeptJournal(Journal, Shelf, Protocol):
    """A journal with all that is asked of one."""


def claimed(journal: Journal, run: str) -> AbstractAsyncContextManager[None]:
    """Claim a run, where the journal can."""
    return journal.claim(run) if isinstance(journal, Shelf) else nullcontext()


def under_way_here(run: str) -> RunUnderWayError:
    """The error about a run that this process is at work on."""
    return RunUnderWayError(f"Run {run!r} is under way already.", "Wait for it, or choose another run_id.")


def under_way(run: str) -> RunUnderWayError:
    """The error about a run that another process is at work on."""
    return RunUnderWayError(f"Run {run!r} is under way in another process.", "Wait for it, or stop that process.")
