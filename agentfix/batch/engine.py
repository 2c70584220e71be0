"""What answers the tasks of a batch, as the driver sees it: workers that take jobs and tell what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from agentfix.types import Task


@dataclass(frozen=True, slots=True)
class Job:
    """A task to be answered, and the name of its run."""

    id: str
    run: str
    task: Task


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker can take jobs."""

    worker: str
    places: int
    """How many at once."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker is done with a job."""

    worker: str
    job: str
    line: Mapping[str, Any]
    """For the output: see `agentfix.batch.answering.line_of`."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died, or can't be reached: its jobs are handed out again. Should an answer of it come all the same, the
    first one counts."""

    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """The journal can't be written, or read: a worker has no answer to a job, and would have none to others. Those
    under way elsewhere may end."""

    worker: str
    job: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Broken:
    """Something went wrong that would for every other task too; or a fault in the program."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that a person should know, and that ends nothing."""

    message: str


News: TypeAlias = Ready | Answered | Lost | Unrecorded | Broken | Noticed


class Engine(Protocol):
    """Workers, one or many, here or elsewhere. A lost one is replaced by the engine, under another name."""

    async def start(self, tell: Callable[[News], None]) -> None:
        """Have workers started; does not wait for them.

        Args:
            tell: told of all that happens, in this event loop.

        Raises:
            AgentFixError: there can't be any.
        """
        ...

    def hand(self, worker: str, job: Job) -> None:
        """Have a worker answer a job."""
        ...

    def give_up(self, worker: str, reason: str) -> None:
        """Have a worker stopped that is stuck. It is told as lost, with that reason."""
        ...

    async def aclose(self) -> None:
        """Stop what is under way, and leave no worker behind. May be called twice."""
        ...
