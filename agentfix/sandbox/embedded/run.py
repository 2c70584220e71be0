"""One program in one worker of Monty's: fed in a thread, told of in the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import keyword
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pydantic_monty as monty

from agentfix.protocols import ExecResult, HostFunction, Limits, OnOutput, OutputStream, SessionState
from agentfix.sandbox.dialect import misplaced
from agentfix.sandbox.embedded.disk import Disk
from agentfix.sandbox.embedded.ending import Ending, Reason
from agentfix.sandbox.embedded.failure import Failure
from agentfix.sandbox.embedded.hostcalls import HostCalls, Place
from agentfix.sandbox.embedded.lastvalue import reporting_value
from agentfix.sandbox.embedded.memoryfiles import FOLDER, Files
from agentfix.sandbox.embedded.process import Meter, Usage
from agentfix.sandbox.output import KILL_BYTES, VALUE_BYTES, HeadTail, one_line

_VARIABLES_BYTES = 64 * 2**20
"""Variables whose dump is larger are not kept."""
_SPARE_S = 2
"""So much more processor time than its time limit a worker gets from the kernel."""


class MontyRun:
    """A program, from its source to its result. Made in the event loop that its functions and output belong to.

    Args:
        code: the source.
        limits: of the program.
        want: the variable whose value is asked for.
        on_output: called in the event loop with what is printed.
        functions: what of the host it may call.
        place: its place among the programs that run at the same time, taken.

    Attributes:
        is_cell: whether its variables are kept.
        before: Monty's dump of the variables it begins with; None for none.
        after: the same when it has ended, and `result` was called.
        calls: its calls to the host.
    """

    def __init__(self, code: str, limits: Limits, want: str | None, on_output: OnOutput | None,
                 functions: Mapping[str, HostFunction], place: Place) -> None:
        self.limits = limits
        self.is_cell = False
        self.before: bytes | None = None
        self.after: bytes | None = None
        self._code, self._want, self._on_output = code, want, on_output
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self.calls = HostCalls(functions, place, self._loop, lambda: self.stop("fault"))
        self._lock = threading.Lock()
        self._stopped: Reason | None = None
        self._stop = threading.Event()
        self._worker_pid: int | None = None
        self._began: float | None = None
        self._meter: Meter | None = None
        self._seconds = 0.0
        self._usage = Usage()
        self._failure: Failure | None = None
        self._value: str | None = None
        self._disk: Disk | None = None
        self._streams: dict[OutputStream, HeadTail] = {
            "stdout": HeadTail(limits.output_bytes), "stderr": HeadTail(limits.output_bytes)}

    def run(self, pool: monty.Monty, files: Files) -> None:
        """Run it in this thread; blocks until it has ended.

        Args:
            pool: where a worker comes from.
            files: what lies on its disk.
        """
        self.after = self.before
        self._disk = Disk(files, self.limits.disk_bytes, self._sleep)
        limits = monty.ResourceLimits(max_feed_duration_secs=self.limits.timeout_s,
                                      max_memory=self.limits.memory_bytes, max_suspensions=2**31)
        try:
            with pool.checkout(limits=limits, os_policy={"sleep": "call_host"}) as session:
                if self.before is not None:
                    session.load_session(self.before)
                self._begin(session.worker_pid)
                try:
                    self._feed(session)
                    self._end()
                    if self.is_cell and self._stopped is None and self._ended_by_itself:
                        self._keep(session)
                finally:
                    self._end()
        except monty.MontyError as error:
            self._failure = Failure.of(error, self._code)

    def left_s(self) -> float:
        """How much of its time is left, in seconds; what it waited for the host is not counted."""
        ran_s = time.perf_counter() - self._began - self.calls.seconds if self._began is not None else 0.0
        return self.limits.timeout_s - ran_s

    def stop(self, reason: Reason) -> None:
        """End it at once, unless it has ended. May be called from any thread."""
        with self._lock:  # a worker that went back to the pool may be running another program
            self._stopped = self._stopped or reason
            if self._worker_pid is not None and self._meter is not None:
                self._usage = self._meter.usage()
                with suppress(ProcessLookupError):
                    os.kill(self._worker_pid, signal.SIGKILL)
        self._stop.set()
        self.calls.cancel()

    def _begin(self, worker_pid: int | None) -> None:
        with self._lock:
            if self._stopped is not None or worker_pid is None:
                self._stopped = self._stopped or "cancelled"
                return
            self._worker_pid = worker_pid
            self._meter = Meter(worker_pid, self.limits.timeout_s + _SPARE_S)
            self._began = time.perf_counter()

    def _end(self) -> None:
        with self._lock:
            if self._worker_pid is not None and self._began is not None and self._meter is not None:
                self._seconds = time.perf_counter() - self._began
                if self._stopped is None:
                    self._usage = self._meter.usage()
                self._worker_pid = None

    def _feed(self, session: monty.MontySession) -> None:
        if self._stopped is not None:
            return
        if (problem := misplaced(self._code)) is not None:
            message, line = problem
            trace = f'  File "<program>", line {line}\n{message}'
            self._failure = Failure(monty.MontySyntaxError, message, line, trace)
            return
        try:
            value = session.feed_run(reporting_value(self._code), cwd=FOLDER, print_callback=self._printed,
                                     os=self._disk, external_lookup=dict(self.calls.by_name()))
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            self._failure = Failure.of(error, self._code)
            return
        if self._want is None:
            self._value = value
        elif self._want.isidentifier() and not keyword.iskeyword(self._want):
            self._value = self._read(session, self._want)

    def _read(self, session: monty.MontySession, want: str) -> str | None:
        """The text of a variable, cut in the worker to little more than is returned; None when it is not set."""
        try:
            # A formatted string, because the program may have bound the name `str`.
            return session.feed_run(f'f"{{{want}!s:.{VALUE_BYTES + 1}}}"', print_callback=self._printed, os=self._disk)
        except monty.MontyRuntimeError as error:
            failure = Failure.of(error, "")
            if failure.message != one_line(f"NameError: name {want!r} is not defined"):
                self._failure = failure
            return None

    def _keep(self, session: monty.MontySession) -> None:
        try:
            variables = session.dump()
        except monty.MontyRuntimeError:  # larger than Monty lets pass
            variables = b""
        if 0 < len(variables) <= _VARIABLES_BYTES:
            self.after = variables
        else:
            self._failure = Failure(monty.MontyRuntimeError,
                                    f"MemoryError: the variables take more than {_VARIABLES_BYTES} bytes to keep")

    def _sleep(self, seconds: float) -> None:
        self._stop.wait(max(0.0, min(seconds, self.left_s())))
        if self._stopped is None and seconds > 0 and self.left_s() <= 0:
            self.stop("timeout")

    def _printed(self, stream: OutputStream, text: str) -> None:
        self._streams[stream].add(text.encode("utf-8", "backslashreplace"))
        if self._on_output is not None:
            self._loop.call_soon_threadsafe(self._on_output, stream, text, context=self._context)
        if sum(each.total_bytes for each in self._streams.values()) > KILL_BYTES:
            self.stop("output_limit")  # an exception from here would be raised only when the program ends

    @property
    def _ended_by_itself(self) -> bool:
        failure = self._failure
        return failure is None or (failure.kind is monty.MontyRuntimeError and not failure.out_of_time
                                   and not failure.out_of_memory)

    def result(self) -> ExecResult:
        """What happened. Called in the event loop, when `run` has returned."""
        ending = Ending(
            self._code, self.limits, self._streams, self._complain, self._failure, self._stopped, self.left_s() <= 0,
            self._value, self._seconds, self._usage, self._disk.artefacts() if self._disk is not None else ())
        result = ending.result()
        state: SessionState = "fresh" if self.before is None else "kept"
        if self.is_cell and result.status not in ("ok", "error"):
            state, self.after = "rolled_back", self.before
        return replace(result, state=state)

    def _complain(self, text: str) -> None:
        self._streams["stderr"].add(text.encode("utf-8", "backslashreplace") + b"\n")
        if self._on_output is not None:
            self._on_output("stderr", f"{text}\n")
