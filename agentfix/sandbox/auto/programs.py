"""A program that may have to be run a second time, elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.protocols import ExecResult, HostFunction, Limits, OnOutput, OutputStream, Session


@dataclass
class Program:
    """What `Session.exec` is given, and what came of it so far.

    Attributes:
        called: whether it called a function of the host.
    """

    code: str
    limits: Limits
    want: str | None
    stateful: bool
    on_output: OnOutput | None = None
    functions: Mapping[str, HostFunction] = field(default_factory=dict[str, HostFunction])
    called: bool = False
    _heard: dict[OutputStream, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    async def run(self, session: Session) -> ExecResult:
        """Run it. Of what it prints a second time, only what goes beyond the first is heard."""
        again = {stream: "".join(pieces) for stream, pieces in self._heard.items()}

        def hear(stream: OutputStream, text: str) -> None:
            expected = again[stream]
            again[stream] = expected[len(text):] if expected.startswith(text) else ""
            new = "" if expected.startswith(text) else text.removeprefix(expected)
            if new and self.on_output is not None:
                self._heard[stream].append(new)
                self.on_output(stream, new)

        return await session.exec(
            self.code, self.limits, want=self.want, stateful=self.stateful,
            on_output=hear if self.on_output is not None else None,
            functions={name: self._noting(function) for name, function in self.functions.items()})

    def _noting(self, function: HostFunction) -> HostFunction:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.called = True
            return await function(*args, **kwargs)
        return call
