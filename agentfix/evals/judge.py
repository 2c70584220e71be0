"""Runs judging assertions in a sandbox, opened when first needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix.protocols import ExecResult, Sandbox, Session


@dataclass
class SandboxJudge:
    """A `Judge` (see agentfix/protocols/datasets.py) over any sandbox. Programs that are judged at the same time run
    in sessions of their own."""

    sandbox: Sandbox
    _idle: list[Session] = field(default_factory=list[Session], init=False)

    async def run(self, program: str, *, want: str) -> ExecResult:
        """Run a program from a clean state. Raises SandboxError: the sandbox failed, or there is none."""
        session = self._idle.pop() if self._idle else await self.sandbox.open()
        try:
            result = await session.exec(program, want=want)
        except BaseException:
            await session.aclose()
            raise
        self._idle.append(session)
        return result

    async def aclose(self) -> None:
        """Close the sandbox. May be called twice."""
        while self._idle:
            await self._idle.pop().aclose()
        await self.sandbox.aclose()
