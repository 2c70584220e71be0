"""What data sets ask, and how answers are graded against what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agentfix.protocols.sandboxes import ExecResult
from agentfix.types import Task


@dataclass(frozen=True, slots=True)
class Score:
    """How good an answer is."""

    correct: bool
    f1: float
    """Overlap of words with the reference, 0 to 1; for other metrics 1 or 0."""
    note: str = ""
    """What went wrong with the scoring of a program, unless it was an assertion that failed."""


class Judge(Protocol):
    """Runs a program with the assertions that judge it."""

    async def run(self, program: str, *, want: str) -> ExecResult:
        """Run a program in the sandbox, from a clean state.

        Args:
            program: its source.
            want: the name of the variable whose value is `ExecResult.value`.

        Raises:
            SandboxError: the sandbox failed, or there is none.
        """
        ...


@runtime_checkable
class Grader(Protocol):
    """Grades the answers to one row. It holds the reference, so no strategy is ever shown one."""

    async def score(self, answer: str, judge: Judge) -> Score:
        """Grade an answer. The same answer gets the same score each time."""
        ...


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where the rows of a data set are published, and what comes with them."""

    url: str
    """Of one file."""
    licence: str
    split: str
    citation: str
    """Who made it, and where it is described."""
    how: str
    """How the file becomes rows, in a sentence."""
    rows: int | None = None
    """How many there are; None where it is not known."""
    sha256: str = ""
    """Of the file, where it never changes."""
    most_bytes: int = 100_000_000
    """A longer file is not fetched."""


@runtime_checkable
class TellingGrader(Grader, Protocol):
    """A grader that can also say what is right: for evaluations that tell a model the answer on purpose."""

    @property
    def right_answer(self) -> str:
        """An answer that it grades as correct, as a person would write it."""
        ...


@runtime_checkable
class DataSet(Protocol):
    """Knows the rows of a data set, as it is published."""

    def read(self, row: Mapping[str, Any]) -> tuple[Task, Grader]:
        """Make a task of a row. What the row says of its answer goes to the grader alone.

        Args:
            row: a JSON object of the file. Of its fields `id`, `pid`, `task_id` and `name` the first that is there
                names it in the results; the data set need not look at them.

        Raises:
            ValueError: the row is not of this data set, or can't be used; says why. pydantic's ValidationError is one.
        """
        ...


@runtime_checkable
class PublishedDataSet(DataSet, Protocol):
    """A data set that `agentfix datasets pull` can fetch."""

    source: DataSource

    def rows(self, file: bytes) -> Iterable[Mapping[str, Any]]:
        """The rows of the file as it was published; each can be read with `read`.

        Raises:
            ValueError: the file is another.
        """
        ...
