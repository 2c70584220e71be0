"""The embedded sandbox: Pydantic's Monty, a Python virtual machine of its own in a worker process.

Covered: no files, network, processes or environment; limits on time, memory and output; a worker that dies takes
nothing with it. It speaks a part of Python; what it lacks is reported as `unsupported`. The only importer of
pydantic_monty.

Not covered:
- a flaw in Monty itself, which runs as the user;
- a host that is killed outright (SIGKILL): a worker in a busy loop then lives on until its time limit, or longer where
  the program gives its limits no chance to be looked at. pydantic-monty has no hook that would tie its life to ours;
- the message of an exception, which comes over whole: it can take as much of the host's memory, for a moment, as the
  program was allowed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import pydantic_monty as monty

from agentfix.errors import SandboxUnavailableError
from agentfix.protocols import ExecResult, ExecStatus, FileInfo, HostFunction, Limits, OnOutput
from agentfix.sandbox.dialect import missing_feature, syntax_error
from agentfix.sandbox.inputs import check_input, list_inputs, read_input
from agentfix.sandbox.output import KILL_BYTES, VALUE_BYTES, HeadTail, one_line

NAME = "embedded"
_FILE = "<python-input-0>"
"""What Monty calls the program in tracebacks."""
_TIME_LIMITS = ("TimeoutError: feed time limit exceeded", "TimeoutError: sleep limit exceeded")
_TRACED_CHARACTERS = 64 * 2**10
"""No traceback is made of an exception with a longer message; only the beginning of the message is kept."""


class EmbeddedSandbox:
    """Runs programs in Monty. Cells, files and functions of the host are `unsupported` in it."""

    name = NAME

    async def open(self) -> EmbeddedSession:
        """Make ready; starts no process before the first program."""
        return EmbeddedSession()

    async def aclose(self) -> None:
        """Each session ends its own workers."""


class EmbeddedSession:
    """A pool of workers, made with the first program. Programs may run side by side."""

    def __init__(self) -> None:
        self._pool: monty.Monty | None = None
        self._inputs: dict[str, bytes] = {}

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a program from a clean state; see `agentfix.Session`."""
        lacking = ("cells" if stateful else "functions of the host" if functions
                   else "access to files" if self._inputs else "")
        if lacking:
            return _unsupported(lacking)
        run = _Run(code, limits, want)
        # The asyncio client of pydantic-monty 1.4.0 wakes the loop from a thread that can outlive it, which aborts the
        # interpreter at exit now and then; its blocking client in our own thread can't.
        work = asyncio.create_task(asyncio.to_thread(run.run, self._ready()))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            run.kill()
            await asyncio.gather(work, return_exceptions=True)
            raise
        result = run.result()
        if on_output is not None:
            if result.stdout:
                on_output("stdout", result.stdout)
            if result.stderr:
                on_output("stderr", result.stderr)
        return result

    async def put(self, path: str, data: bytes) -> None:
        """Keep a file; programs that are run afterwards are `unsupported`, because they could not see it."""
        check_input(path, data, self._inputs)
        self._inputs[path] = data

    async def get(self, path: str) -> bytes:
        """Read a file as it was put."""
        return read_input(path, self._inputs)

    async def files(self) -> list[FileInfo]:
        """The files that were put, by path."""
        return list_inputs(self._inputs)

    async def aclose(self) -> None:
        """End the workers. May be called twice."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)

    def _ready(self) -> monty.Monty:
        if self._pool is None:
            try:
                self._pool = monty.Monty(min_processes=0).__enter__()
            except (OSError, RuntimeError, monty.MontyError) as error:
                raise SandboxUnavailableError(
                    f"The embedded sandbox can't start: {one_line(str(error))}.",
                    "Reinstall it: pip install --force-reinstall pydantic-monty==1.4.0") from error
        return self._pool


@dataclass(frozen=True, slots=True)
class _Failure:
    """What Monty said of a program that failed, bounded. Made in the thread that ran it: messages may be huge."""

    kind: type[monty.MontyError]
    message: str
    """In one line."""
    line: int | None = None
    trace: str = ""
    cut: bool = False

    @classmethod
    def of(cls, error: monty.MontyError) -> _Failure:
        text = str(error)
        cut = len(text) > _TRACED_CHARACTERS
        trace = text[:_TRACED_CHARACTERS] if cut else ""
        if isinstance(error, monty.MontyRuntimeError) and not cut:
            trace = error.display("traceback").replace(_FILE, "<program>")
        line = _line(error) if isinstance(error, monty.MontySyntaxError | monty.MontyRuntimeError) else None
        return cls(type(error), one_line(text), line, trace, cut)


@dataclass
class _Run:
    """One program in one worker."""

    code: str
    limits: Limits
    want: str | None
    failure: _Failure | None = None
    value: str | None = None
    seconds: float = 0.0
    killed: bool = False
    worker_pid: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    streams: dict[str, HeadTail] = field(init=False)

    def __post_init__(self) -> None:
        self.streams = {"stdout": HeadTail(self.limits.output_bytes), "stderr": HeadTail(self.limits.output_bytes)}

    def run(self, pool: monty.Monty) -> None:
        """Blocks until the program has ended, at most for a little more than its time limit."""
        limits = monty.ResourceLimits(
            max_feed_duration_secs=self.limits.timeout_s, max_total_sleep_secs=self.limits.timeout_s,
            max_memory=self.limits.memory_bytes, max_suspensions=2**31)
        started = time.perf_counter()
        try:
            with pool.checkout(limits=limits, os_policy={"sleep_system_max": float("inf")}) as session:
                self._take(session.worker_pid)
                try:
                    if not self.killed:
                        self._feed(session)
                finally:
                    self._take(None)
        except monty.MontyError as error:
            self.failure = _Failure.of(error)
        finally:
            self.seconds = time.perf_counter() - started

    def _take(self, worker_pid: int | None) -> None:
        with self.lock:
            self.worker_pid = worker_pid

    def _feed(self, session: monty.MontySession) -> None:
        try:
            session.feed_run(self.code, print_callback=self._printed)
        except monty.MontyRuntimeError as error:
            failure = _Failure.of(error)
            if failure.message != "SystemExit":
                self.failure = failure
                return
        if self.want is not None and self.want.isidentifier():
            self.value = self._read(session, self.want)

    def _read(self, session: monty.MontySession, want: str) -> str | None:
        """The text of a variable, cut in the worker to little more than is returned; None when it is not set."""
        try:
            # A formatted string, because the program may have bound the name `str`.
            return session.feed_run(f'f"{{{want}!s:.{VALUE_BYTES + 1}}}"')
        except monty.MontySyntaxError:
            return None  # a keyword is never a variable
        except monty.MontyRuntimeError as error:
            failure = _Failure.of(error)
            if failure.message != one_line(f"NameError: name {want!r} is not defined"):
                self.failure = failure
            return None

    def _printed(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        self.streams[stream].add(text.encode("utf-8", "backslashreplace"))
        if self._printed_too_much:
            self.kill()  # an exception from here would be raised only when the program ends

    @property
    def _printed_too_much(self) -> bool:
        return sum(stream.total_bytes for stream in self.streams.values()) > KILL_BYTES

    def kill(self) -> None:
        """Stop the program at once."""
        with self.lock:  # a worker that went back to the pool may be running another program
            self.killed = True
            if self.worker_pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(self.worker_pid, signal.SIGKILL)

    def result(self) -> ExecResult:
        """What happened. Called in the caller's thread, because a look at syntax touches the warning filters."""
        failure = self.failure
        if failure is None:
            return self._as("ok", exit_code=0, value=self.value)
        if failure.kind is monty.MontySyntaxError:
            return self._rejected(failure)
        if failure.kind is monty.MontyRuntimeError:
            return self._failed(failure)
        if failure.message.startswith("MemoryError"):
            return self._as("oom", error=failure.message)
        if self._printed_too_much:
            return self._as("output_limit", error=f"more than {KILL_BYTES} bytes of output")
        return self._timeout() if self.seconds >= self.limits.timeout_s else self._as("crash", error=failure.message)

    def _rejected(self, failure: _Failure) -> ExecResult:
        problem = syntax_error(self.code)
        if problem is not None:
            return self._as("error", exit_code=1, error=one_line(problem[0]), line=problem[1])
        return self._lacking(failure.message, failure.line)

    def _failed(self, failure: _Failure) -> ExecResult:
        message = failure.message
        if message.startswith(_TIME_LIMITS):
            return self._timeout()
        if message.startswith("MemoryError"):
            return self._as("oom", error=message, line=failure.line)
        feature = missing_feature(message)
        if feature is not None:
            return self._lacking(feature, failure.line)
        self.streams["stderr"].add(failure.trace.encode("utf-8", "backslashreplace") + b"\n")
        return self._as("error", exit_code=1, error=message, line=failure.line)

    def _timeout(self) -> ExecResult:
        return self._as("timeout", error=f"time limit of {self.limits.timeout_s:g} s reached")

    def _lacking(self, feature: str, line: int | None) -> ExecResult:
        return replace(self._as("unsupported", line=line), error=_unsupported(feature).error)

    def _as(self, status: ExecStatus, *, exit_code: int | None = None, value: str | None = None, error: str = "",
            line: int | None = None) -> ExecResult:
        stdout, stderr = self.streams["stdout"], self.streams["stderr"]
        cut = stdout.truncated or stderr.truncated or (self.failure is not None and self.failure.cut)
        if value is not None and len(value.encode()) > VALUE_BYTES:
            value, cut = value.encode()[:VALUE_BYTES].decode("utf-8", "ignore"), True
        return ExecResult(status, stdout.text(), stderr.text(), exit_code, value, error, line, cut, self.seconds,
                          sandbox=NAME)


def _unsupported(feature: str) -> ExecResult:
    return ExecResult("unsupported", error=f"Not in the embedded sandbox: {feature}.", sandbox=NAME)


def _line(error: monty.MontySyntaxError | monty.MontyRuntimeError) -> int | None:
    """The innermost line of the program."""
    lines = [frame.line for frame in error.traceback() if frame.filename == _FILE]
    return lines[-1] if lines else None
