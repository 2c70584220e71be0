"""The automatic sandbox: embedded first, docker for programs that need what it lacks.

A program that moves is run again from its start; embedded has no side effects that a second run could double.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agentfix.errors import SandboxUnavailableError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput, OutputStream, Sandbox, Session
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
        self._make_docker = docker
        self._docker: Sandbox | None = None

    async def open(self) -> AutoSession:
        """Make ready. Docker is looked for only when a program needs it."""
        return AutoSession(await self._embedded.open(), self._open_docker)

    async def aclose(self) -> None:
        """Close both. May be called twice."""
        await self._embedded.aclose()
        if self._docker is not None:
            await self._docker.aclose()

    async def _open_docker(self) -> Session:
        if self._docker is None:
            self._docker = self._make_docker()
        return await self._docker.open()


class AutoSession:
    """Remembers what the embedded sandbox turned out to lack, and whether docker can be had.

    Args:
        embedded: tried first.
        docker: opens the other one.
    """

    def __init__(self, embedded: Session, docker: Callable[[], Awaitable[Session]]) -> None:
        self._embedded = embedded
        self._open_docker = docker
        self._docker: Session | SandboxUnavailableError | None = None
        self._lacking: frozenset[str] = frozenset()
        self._inputs: dict[str, bytes] = {}

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a program; see `agentfix.Session`. The result says which sandbox ran it. Cells run in docker."""
        used = features_used(code)
        if stateful or self._inputs or used & self._lacking or modules_lacking(used):
            docker = await self._other()
            if not isinstance(docker, SandboxUnavailableError):
                return await docker.exec(code, limits, want=want, stateful=stateful, on_output=on_output,
                                         functions=functions)
        heard: list[tuple[OutputStream, str]] = []
        result = await self._embedded.exec(code, limits, want=want, stateful=stateful, functions=functions,
                                           on_output=lambda stream, text: heard.append((stream, text)))
        if result.status == "unsupported":
            if found := _LACKING.fullmatch(result.error):
                self._lacking |= {found[1]}
            docker = await self._other()
            if not isinstance(docker, SandboxUnavailableError):
                return await docker.exec(code, limits, want=want, stateful=stateful, on_output=on_output,
                                         functions=functions)
            result = replace(result, error=f"{result.error} The docker sandbox would have it: {docker}")
        if on_output is not None:
            for stream, text in heard:
                on_output(stream, text)
        return result

    async def put(self, path: str, data: bytes) -> None:
        """Write a file for this session's programs, which then run in docker."""
        await self._embedded.put(path, data)
        self._inputs[path] = data
        if self._docker is not None and not isinstance(self._docker, SandboxUnavailableError):
            await self._docker.put(path, data)

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put."""
        return await self._filed().get(path)

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        return await self._filed().files()

    async def aclose(self) -> None:
        """Close both. May be called twice."""
        await self._embedded.aclose()
        if self._docker is not None and not isinstance(self._docker, SandboxUnavailableError):
            await self._docker.aclose()

    def _filed(self) -> Session:
        if self._docker is None or isinstance(self._docker, SandboxUnavailableError):
            return self._embedded
        return self._docker

    async def _other(self) -> Session | SandboxUnavailableError:
        if self._docker is None:
            try:
                self._docker = await self._open_docker()
            except SandboxUnavailableError as error:
                self._docker = error
            else:
                for path, data in self._inputs.items():
                    await self._docker.put(path, data)
        return self._docker
