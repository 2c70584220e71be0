"""The automatic sandbox: embedded first, docker for programs that need what it lacks.

A program that moves is run again from its start; embedded has no side effects that a second run could double, except
for what functions of the host do: a program that called one is not moved, and its result says what it lacked.

Cells begin in embedded, too. When a cell needs more, the earlier cells are run again in docker, and it and all later
ones are run there. That is done only if none of them called a function of the host, and only if they print and yield
there what they did here. Cells that use chance or the clock would not, so the session moves before the first of them.
Where cells can't move, the one that needs more is `unsupported`, and the variables stay as they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agentfix.errors import SandboxError, SandboxUnavailableError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput, Sandbox, Session
from agentfix.sandbox.auto.elsewhere import Elsewhere
from agentfix.sandbox.auto.history import CHANCE, History
from agentfix.sandbox.auto.lacks import Lacks
from agentfix.sandbox.auto.programs import Program
from agentfix.sandbox.dialect import features_used

CALLED = "It called functions of the host, and is not run again."


class AutoSandbox:
    """Chooses a sandbox for each program. Its sessions share what is known of the embedded one.

    Args:
        embedded: tried first.
        docker: makes the other one, when it is first needed.
    """

    name = "auto"

    def __init__(self, embedded: Sandbox, docker: Callable[[], Sandbox]) -> None:
        self._embedded = embedded
        self._make_docker = docker
        self._docker: Sandbox | None = None
        self._lacks = Lacks()

    async def open(self) -> AutoSession:
        """Make ready. Docker is looked for only when a program needs it."""
        return AutoSession(await self._embedded.open(), self._open_docker, self._lacks)

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
    """Programs of one run, each where it can run; cells together in one place.

    Args:
        embedded: tried first.
        docker: opens the other one.
        lacks: what embedded is known to lack.
    """

    def __init__(self, embedded: Session, docker: Callable[[], Awaitable[Session]], lacks: Lacks) -> None:
        self._embedded = embedded
        self._docker = Elsewhere(docker)
        self._lacks = lacks
        self._inputs: dict[str, bytes] = {}
        self._cells = embedded
        """Where the cells are."""
        self._history = History()
        self._turn = asyncio.Lock()
        self._closed = False

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a program; see `agentfix.Session`. The result says which sandbox ran it."""
        self._require_open()
        program = Program(code, limits, want, stateful, on_output, functions)
        if not stateful:
            return await self._run(program)
        async with self._turn:
            self._require_open()
            return await self._run_cell(program)

    async def put(self, path: str, data: bytes) -> None:
        """Write a file for this session's programs and cells."""
        self._require_open()
        async with self._turn:
            if self._cells is not self._embedded:
                await self._cells.put(path, data)
            await self._embedded.put(path, data)
            self._history.put(path, data)
            self._inputs[path] = data
            await self._docker.put(path, data)

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put."""
        async with self._turn:
            return await self._cells.get(path)

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        async with self._turn:
            return await self._cells.files()

    async def aclose(self) -> None:
        """Close both. May be called twice."""
        self._closed = True
        await self._embedded.aclose()
        await self._docker.aclose()
        await self._cells.aclose()

    async def _run(self, program: Program) -> ExecResult:
        if self._lacks.met_by(program.code):
            docker = await self._docker.for_programs(self._inputs)
            if not isinstance(docker, SandboxUnavailableError):
                return await program.run(docker)
        result = await program.run(self._embedded)
        if result.status != "unsupported":
            return result
        self._lacks.learn(program.code, result)
        if program.called:
            return _kept(result, CALLED)
        docker = await self._docker.for_programs(self._inputs)
        if isinstance(docker, SandboxUnavailableError):
            return _kept(result, f"The docker sandbox would have it: {docker}")
        return await program.run(docker)

    async def _run_cell(self, cell: Program) -> ExecResult:
        if self._cells is not self._embedded:
            return await cell.run(self._cells)
        chancy = not CHANCE.isdisjoint(features_used(cell.code))
        if (chancy or self._lacks.met_by(cell.code)) and not await self._move_cells():
            return await cell.run(self._cells)
        result = await cell.run(self._embedded)
        if result.status == "unsupported":
            self._lacks.learn(cell.code, result)
            why = CALLED if cell.called else await self._move_cells()
            if not why:
                return await cell.run(self._cells)
            result = _kept(result, why)
        self._history.ran(cell, result)
        return result

    async def _move_cells(self) -> str:
        """Let the cells be in docker from now on. Returns why they can't; empty when they are."""
        if self._history.barred:
            return f"The cells can't move to the docker sandbox: {self._history.barred}."
        docker = await self._docker.another()
        if isinstance(docker, SandboxUnavailableError):
            return f"The docker sandbox would have it: {docker}"
        try:
            why = await self._history.repeat(docker)
            self._require_open()
        except BaseException:
            await docker.aclose()
            raise
        if why:
            await docker.aclose()
            self._history.barred = why.rstrip(".")
            return await self._move_cells()
        self._cells, self._history = docker, History(barred="they are there")
        return ""

    def _require_open(self) -> None:
        if self._closed:
            raise SandboxError("This session is closed.", "Open another one.")


def _kept(result: ExecResult, why: str) -> ExecResult:
    return replace(result, error=f"{result.error} {why}")
