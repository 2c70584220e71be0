"""Makes a script of what happens to programs in a real sandbox."""

from __future__ import annotations

import asyncio
from typing import Any

from agentfix import ExecResult, Limits, Sandbox, SandboxError, Session
from agentfix.protocols import OnOutput, OutputStream
from agentfix.testing import NeverEnds, Outcome


class Recorder:
    """A sandbox that runs programs in another one.

    Args:
        sandbox: the other one.
    """

    name = "recorder"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._outcomes: dict[object, Outcome] = {}

    @property
    def outcomes(self) -> list[Outcome]:
        """What happened to each program, in the order in which they began."""
        return list(self._outcomes.values())

    async def open(self) -> RecordingSession:
        return RecordingSession(await self._sandbox.open(), self._outcomes)

    async def aclose(self) -> None:
        await self._sandbox.aclose()


class RecordingSession:
    def __init__(self, session: Session, outcomes: dict[object, Outcome]) -> None:
        self._session, self._outcomes = session, outcomes
        self.put, self.get, self.files, self.aclose = session.put, session.get, session.files, session.aclose

    async def exec(self, code: str, limits: Limits = Limits(), *, on_output: OnOutput | None = None,
                   **options: Any) -> ExecResult:
        heard: list[str] = []

        def hear(stream: OutputStream, text: str) -> None:
            if stream == "stdout":
                heard.append(text)
            if on_output is not None:
                on_output(stream, text)

        place = object()
        self._outcomes[place] = NeverEnds()  # programs have their places in the order in which they begin
        try:
            result = self._outcomes[place] = await self._session.exec(code, limits, on_output=hear, **options)
        except asyncio.CancelledError:
            self._outcomes[place] = NeverEnds("".join(heard))
            raise
        except SandboxError:
            del self._outcomes[place]
            raise
        return result
