"""The record of what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class CallKey:
    """Identifies one call of a run: the same place with the same request is the same call."""

    run: str
    place: str
    """Where in the run: `a3.model` for the call that makes attempt 3, `c1.0.program.0` for a critic's, ..."""
    digest: str
    """What is asked, as `agentfix.digest` has it."""


@dataclass(frozen=True, slots=True)
class JournalledCall:
    """A call as the journal has it."""

    place: str
    digest: str
    request: Mapping[str, Any]
    """A model request with `model`, or `tool` and `arguments`."""
    reply: Mapping[str, Any] | None
    """None when it was begun and its end was never written: nobody knows whether it happened."""
    ended: float = 0.0
    """Seconds since the epoch."""


@runtime_checkable
class Journal(Protocol):
    """The one record of what happened. Every call is looked up before it is made and written when it ends.

    Every method raises JournalError when the journal can't be read or written.
    """

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """Note that a run begins, or with what header one that is known goes on."""
        ...

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """What `begin_run` noted, or None."""
        ...

    async def find(self, key: CallKey) -> JournalledCall | None:
        """A call of a run, or None when it was never begun."""
        ...

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """The reply that any run has for an equal request, or None."""
        ...

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """Note, so that even a power cut can't undo it, that a call with side effects is about to be made.

        Returns:
            False when the call was begun before: then it must not be made.
        """
        ...

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """Store a call that ended."""
        ...

    async def calls(self, run: str) -> list[JournalledCall]:
        """The calls of a run in the order in which they ended; those in doubt last."""
        ...

    async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """Store an attempt, a critique or the result, in place of an earlier one of the same key."""
        ...

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """What was recorded of a kind, in the order in which the keys first came."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections. May be called twice."""
        ...


@runtime_checkable
class Memory(Protocol):
    """What strategies remember from one run to the next, by strategy and kind of task.

    Every method raises JournalError when it can't be read or written.
    """

    async def recall(self, strategy: str, kind: str) -> Mapping[str, Any]:
        """What a strategy remembers of a kind of task; empty when that is nothing."""
        ...

    async def learn(self, strategy: str, kind: str,
                    change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Put what `change` makes of what is remembered in its place; nothing comes between reading and writing."""
        ...

    async def forget(self, strategy: str | None = None) -> int:
        """Forget what one strategy, or all, remember. Returns of how many kinds of task something was forgotten."""
        ...

    async def all(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """Everything that is remembered: (strategy, kind, what)."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections. May be called twice."""
        ...
