"""The sandbox as a tool sees it: while a program is in it, the tool's own clock stands still, and what the sandbox does
on this machine is not taken for the tool's doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agentfix.deadline import standing_still
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput, Session
from agentfix.tools import guard


@dataclass
class UntimedSession:
    """A session whose programs don't use up the time of the tool that runs them.

    A sandbox keeps its programs' time itself, and that a program waits until there is a place for it is no fault of the
    tool's.

    Args:
        session: where programs run.
        clock: the tool's time limit.
    """

    session: Session
    clock: asyncio.Timeout

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """See `agentfix.Session`."""
        watched = {name: guard.watched(function) for name, function in functions.items()}
        with guard.off(), standing_still(self.clock):
            return await self.session.exec(code, limits, want=want, stateful=stateful, on_output=on_output,
                                           functions=watched)

    async def put(self, path: str, data: bytes) -> None:
        with guard.off(), standing_still(self.clock):
            await self.session.put(path, data)

    async def get(self, path: str) -> bytes:
        with guard.off(), standing_still(self.clock):
            return await self.session.get(path)

    async def files(self) -> list[FileInfo]:
        with guard.off(), standing_still(self.clock):
            return await self.session.files()

    async def aclose(self) -> None:
        """The session belongs to the run, and outlives its tools."""
