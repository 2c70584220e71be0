"""The sandbox and the model as a tool sees them: while a program or a question is in them, the tool's own clock stands
still, and what they do on this machine is not taken for the tool's doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from agentfix.deadline import standing_still
from agentfix.protocols import Ask, ExecResult, FileInfo, HostFunction, Limits, OnOutput, Session
from agentfix.tools import guard
from agentfix.types import Completion, Message


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


@dataclass(frozen=True)
class UntimedAsk:
    """An `Ask` whose questions don't use up the time of the tool that asks them: the run's own time bounds those.

    Args:
        ask: asks the model.
        clock: the tool's time limit. It can stand still for one at a time.
    """

    ask: Ask
    clock: asyncio.Timeout
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1,
                       top_logprobs: int = 0) -> list[Completion]:
        """See `agentfix.Ask`."""
        async with self.turn:
            with guard.off(), standing_still(self.clock):
                return await self.ask(messages, schema=schema, temperature=temperature, max_tokens=max_tokens, n=n,
                                      top_logprobs=top_logprobs)
