"""Runs judging assertions in a sandbox, opened when first needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix.protocols import ExecResult, Sandbox, Session


@dataclass
class SandboxJudge:
    """A `Judge` (see agentfix/protocols/datasets.py) over any sandbox."""

    sandbox: Sandbox
    _session: Session | None = field(default=None, init=False)

    async def run(self, program: str, *, want: str) -> ExecResult:
        """Run a program from a clean state. Raises SandboxError: the sandbox failed, or there is none."""
        if self._session is None:
            self._session = await self.sandbox.open()
        return await self._session.exec(program, want=want)

    async def aclose(self) -> None:
        """Close the sandbox. May be called twice."""
        if self._session is not None:
            await self._session.aclose()
            self._session = None
        await self.sandbox.aclose()
