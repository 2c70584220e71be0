"""A journal that goes on in memory when its file can't be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from agentfix.errors import JournalError
from agentfix.journal.sqlite import SqliteJournal
from agentfix.protocols import CallKey, Journal, JournalledCall

T = TypeVar("T")
IN_MEMORY = "The run goes on in memory and can't be resumed."


class FallbackJournal:
    """Writes to one journal until that fails, then to memory. Implements `agentfix.Journal`.

    What the first journal holds is still read. A run that goes on in memory can't be resumed by another process.

    Args:
        file: the journal to write to.
        notice: told, once, that it failed.
    """

    def __init__(self, file: Journal, notice: Callable[[str], None]) -> None:
        self._file = file
        self._memory: Journal | None = None
        self._notice = notice
        self._headers: dict[str, Mapping[str, Any]] = {}

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        self._headers[run] = header
        await self._write(lambda journal: journal.begin_run(run, header))

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """See `agentfix.Journal`."""
        begun = await self._write(lambda journal: journal.begin(key, request))
        if self._memory is None:
            return begun
        return begun and await self._file.find(key) is None  # what was in doubt before the file failed still is

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        await self._write(lambda journal: journal.end(key, request, reply))

    async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        await self._write(lambda journal: journal.record(run, kind, key, data))

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        if run not in self._headers and (known := await self._file.header(run)) is not None:
            self._headers[run] = known
        return self._headers.get(run)

    async def find(self, key: CallKey) -> JournalledCall | None:
        """See `agentfix.Journal`."""
        known = await self._memory.find(key) if self._memory else None
        return known or await self._file.find(key)

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        known = await self._memory.find_anywhere(digest) if self._memory else None
        return known or await self._file.find_anywhere(digest)

    async def calls(self, run: str) -> list[JournalledCall]:
        """See `agentfix.Journal`."""
        return [*await self._file.calls(run), *(await self._memory.calls(run) if self._memory else [])]

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """See `agentfix.Journal`."""
        return [*await self._file.records(run, kind), *(await self._memory.records(run, kind) if self._memory else [])]

    async def aclose(self) -> None:
        """Close both. May be called twice."""
        await self._file.aclose()
        if self._memory is not None:
            await self._memory.aclose()

    async def _write(self, write: Callable[[Journal], Awaitable[T]]) -> T:
        if self._memory is None:
            try:
                return await write(self._file)
            except JournalError as error:
                self._notice(f"{error.message} {IN_MEMORY}")
                self._memory = SqliteJournal(None)
                for run, header in self._headers.items():
                    await self._memory.begin_run(run, header)
        return await write(self._memory)
