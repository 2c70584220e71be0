"""Replies that were given before, outside this run: a reply taken from one of these is not asked for again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agentfix.protocols import Journal, JournalledCall


class Source(Protocol):
    """Somewhere a reply may be had without making the call."""

    async def find(self, place: str, digest: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The reply to a call, or None.

        Raises:
            JournalError: it can't be read.
        """
        ...


class AnyRun:
    """Whatever any run of a journal has for an equal request."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def find(self, place: str, digest: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Source`."""
        return await self._journal.find_anywhere(digest)


class Prefix:
    """The first calls of a run that is forked. They are found by their place: another seed or limit changes nothing
    of what has happened before the fork."""

    def __init__(self, calls: Sequence[JournalledCall]) -> None:
        self._calls = {call.place: call for call in calls if call.reply is not None}

    async def find(self, place: str, digest: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Source`."""
        call = self._calls.get(place)
        if call is None:
            return None
        same = call.digest == digest  # of a call that a plugin changed, the request is what was made of it
        return call.reply if same or _without_chance(call.request) == _without_chance(request) else None


def _without_chance(request: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(request)
    if "sampling" in plain:
        plain["sampling"] = {k: _plain(v) for k, v in plain["sampling"].items() if k not in ("seed", "max_tokens")}
    return {key: _plain(value) for key, value in plain.items()}


def _plain(value: Any) -> Any:
    """As JSON has it: what was read from a journal holds lists where a request holds tuples."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
