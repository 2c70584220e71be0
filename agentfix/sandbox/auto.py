"""The automatic sandbox: embedded first, docker for programs that need what it lacks.

A program that moves is run again from its start; embedded has no side effects that a second run could double.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agentfix.errors import SandboxUnavailableError
from agentfix.protocols import ExecResult, Limits, Sandbox, Session
from agentfix.sandbox.dialect import features_used, modules_lacking

_LACKING = re.compile(r"Not in the embedded sandbox: (.+)\.")


class AutoSandbox:
    """Chooses a sandbox for each program.

    Args:
        embedded: tried first.
        docker: makes the other one, when it is first needed.
    """

    name = "auto"

    def __init__(self, embedded: Sandbox, docker: Callable[[], Sandbox]) -> None:
        self._embedded = embedded
        self._docker = docker

    async def open(self) -> AutoSession:
        """Make ready. Docker is looked for only when a program needs it."""
        return AutoSession(await self._embedded.open(), self._docker)


class AutoSession:
    """Remembers what the embedded sandbox turned out to lack, and whether docker can be had."""

    def __init__(self, embedded: Session, docker: Callable[[], Sandbox]) -> None:
        self._embedded = embedded
        self._make_docker = docker
        self._docker: Session | SandboxUnavailableError | None = None
        self._lacking: frozenset[str] = frozenset()

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None) -> ExecResult:
        """Run a program from a clean state; see `agentfix.Session`. The result says which sandbox ran it."""
        used = features_used(code)
        if used & self._lacking or modules_lacking(used):
            docker = await self._other()
            if not isinstance(docker, SandboxUnavailableError):
                return await docker.exec(code, limits, want=want)
        result = await self._embedded.exec(code, limits, want=want)
        if result.status != "unsupported":
            return result
        if found := _LACKING.fullmatch(result.error):
            self._lacking |= {found[1]}
        docker = await self._other()
        if isinstance(docker, SandboxUnavailableError):
            return replace(result, error=f"{result.error} The docker sandbox would have it: {docker}")
        return await docker.exec(code, limits, want=want)

    async def aclose(self) -> None:
        """Close both. May be called twice."""
        await self._embedded.aclose()
        if self._docker is not None and not isinstance(self._docker, SandboxUnavailableError):
            await self._docker.aclose()

    async def _other(self) -> Session | SandboxUnavailableError:
        if self._docker is None:
            try:
                self._docker = await self._make_docker().open()
            except SandboxUnavailableError as error:
                self._docker = error
        return self._docker
