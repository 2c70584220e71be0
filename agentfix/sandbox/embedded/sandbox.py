"""The embedded sandbox: Pydantic's Monty, a Python virtual machine of its own in a worker process.

Covered: no files, network, processes or environment of the host; limits on time, memory, disk and output; a worker that
dies takes nothing with it. Files are in memory: a working folder and /tmp. It speaks a part of Python; what it lacks is
reported as `unsupported`.

Cells: between two of them their variables are a sequence of bytes, Monty's own dump of them, and no process. A cell
that ends well, or by an exception, leaves a new dump; a cell that ends in any other way leaves the old one, which is
what undoes it. What a cell wrote to its folder stays, as in the docker sandbox. To read and write the dump costs a
cell about 0.1 ms with few variables, 5 ms for each megabyte of text, and 10 ms for each 100 000 numbers. Variables
whose dump is larger than 64 MiB can't be kept, and the cell that made them is undone as out of memory.

Host functions: the time a program waits for one does not count against its time limit. Arguments and results go
through JSON. What a function raises besides ToolError ends the program, and is raised by `exec`. A function that a cell
calls must leave the cells and files of its session alone: it would wait for the end of the cell that waits for it.

Not covered:
- a flaw in Monty itself, which runs as the user. Workers are used again, also by other sessions of one sandbox;
- a host that is killed outright (SIGKILL) while a program computes: its worker then lives on until the time limit, on
  Linux at most two seconds of processor time longer. A worker that does not compute ends with the host;
- what crosses to the host in one piece before it can be bounded: the message of an exception, what is written to a
  file at once, the arguments of a host function. Monty lets no more than 256 MiB pass, and memory for about three
  times that is in use for a moment; what is printed and values come in small pieces;
- how long a program waits for its turn: as many compute at once as there are processors.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from weakref import WeakKeyDictionary, WeakSet

import pydantic_monty as monty

from agentfix.errors import SandboxError, SandboxUnavailableError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput
from agentfix.sandbox.embedded.ending import NAME
from agentfix.sandbox.embedded.hostcalls import Place
from agentfix.sandbox.embedded.memoryfiles import Files
from agentfix.sandbox.embedded.run import MontyRun
from agentfix.sandbox.inputs import check_input, list_inputs, read_input
from agentfix.sandbox.output import one_line

_MOST_WORKERS = 256
"""Of which all but as many as there are processors wait for functions of the host."""
_PATIENCE_S = 0.25
"""A program that is so much over its time limit has not noticed it, and is killed."""


class EmbeddedSandbox:
    """Runs programs in Monty. Its sessions share its worker processes."""

    name = NAME

    def __init__(self) -> None:
        self._workers: _Workers | None = None
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._sessions: WeakSet[EmbeddedSession] = WeakSet()

    async def open(self) -> EmbeddedSession:
        """Make ready; starts no process before the first program."""
        session = EmbeddedSession(self)
        self._sessions.add(session)
        return session

    async def aclose(self) -> None:
        """Close the sessions, and end the workers. May be called twice; the sandbox can be used again after it."""
        for session in list(self._sessions):
            await session.aclose()
        workers, self._workers = self._workers, None
        if workers is not None:
            await asyncio.to_thread(workers.close)

    def workers(self) -> _Workers:
        """The workers.

        Raises:
            SandboxUnavailableError: there can't be any.
        """
        if self._workers is None:
            self._workers = _Workers()
        return self._workers

    def place(self) -> Place:
        """A place for a program, in the running event loop; not taken yet."""
        loop = asyncio.get_running_loop()
        places = self._places.get(loop)
        if places is None:
            places = self._places[loop] = asyncio.Semaphore(os.cpu_count() or 1)
        return Place(places)


class _Workers:
    """Monty's processes, and a thread for each program that runs.

    The asyncio client of pydantic-monty 1.4.0 wakes the loop from a thread that can outlive it, which aborts the
    interpreter at exit now and then; its blocking client in our own threads can't.
    """

    def __init__(self) -> None:
        try:
            self.pool = monty.Monty(min_processes=0, max_processes=_MOST_WORKERS).__enter__()
        except (OSError, RuntimeError, IndexError, monty.MontyError) as error:
            # IndexError: pydantic-monty 1.4.0 looks for its program five folders up, where there may be none.
            raise SandboxUnavailableError(
                f"The embedded sandbox can't start: {one_line(str(error))}.",
                "Reinstall it in a virtual environment: pip install --force-reinstall pydantic-monty==1.4.0; or name "
                "its program in MONTY_BIN.") from error
        self.threads = ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="agentfix-embedded")

    def close(self) -> None:
        """End all processes and threads."""
        self.threads.shutdown()
        self.pool.__exit__(None, None, None)


class EmbeddedSession:
    """Files that were put, and the variables and files of cells. Programs may run side by side, cells don't."""

    def __init__(self, sandbox: EmbeddedSandbox) -> None:
        self._sandbox = sandbox
        self._inputs: dict[str, bytes] = {}
        self._cell_files: Files | None = None
        self._variables: bytes | None = None
        self._turn = asyncio.Lock()
        self._running: dict[MontyRun, asyncio.Future[None]] = {}
        self._closed = False

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a Python program; see `agentfix.Session`."""
        self._require_open()
        place = self._sandbox.place()
        run = MontyRun(code, limits, want, on_output, functions, place)
        if not stateful:
            return await self._run(run, place, Files.of(self._inputs))
        async with self._turn:
            self._require_open()
            self._cell_files = self._cell_files or Files.of(self._inputs)
            run.before, run.is_cell = self._variables, True
            result = await self._run(run, place, self._cell_files)
            self._variables = run.after
            return result

    async def put(self, path: str, data: bytes) -> None:
        """Write a file for this session's programs and cells; see `agentfix.Session`."""
        self._require_open()
        check_input(path, data, self._inputs)
        async with self._turn:
            self._inputs[path] = data
            if self._cell_files is not None:
                self._cell_files.put(path, data)

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put."""
        self._require_open()
        async with self._turn:
            return read_input(path, self._inputs) if self._cell_files is None else self._cell_files.get(path)

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        self._require_open()
        async with self._turn:
            return list_inputs(self._inputs) if self._cell_files is None else self._cell_files.listing()

    async def aclose(self) -> None:
        """End its programs, and forget its files and variables. May be called twice."""
        self._closed = True
        for run in self._running:
            run.stop("closed")
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._inputs, self._cell_files, self._variables = {}, None, None

    async def _run(self, run: MontyRun, place: Place, files: Files) -> ExecResult:
        workers, loop = self._sandbox.workers(), asyncio.get_running_loop()
        await place.take()
        try:
            self._require_open()
            work = loop.run_in_executor(workers.threads, run.run, workers.pool, files)
            self._running[run] = work
            await self._end_of(run, work)
        finally:
            place.leave(for_good=True)
            self._running.pop(run, None)
        self._require_open()
        if run.calls.fault is not None:
            raise run.calls.fault
        return run.result()

    async def _end_of(self, run: MontyRun, work: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()

        def look() -> None:
            nonlocal alarm
            left_s = run.left_s() + _PATIENCE_S
            if left_s <= 0:
                run.stop("timeout")
            else:
                alarm = loop.call_later(left_s, look)

        alarm = loop.call_later(run.limits.timeout_s + _PATIENCE_S, look)
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            run.stop("cancelled")
            await asyncio.gather(work, return_exceptions=True)
            raise
        finally:
            alarm.cancel()

    def _require_open(self) -> None:
        if self._closed:
            raise SandboxError("This session of the embedded sandbox is closed.", "Open another one.")
