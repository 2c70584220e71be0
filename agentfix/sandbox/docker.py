"""The docker sandbox: full CPython in a hardened container, one container for each program.

Covered: no network, no capabilities, no privileges to gain, an unprivileged user, a read-only root, sized scratch space
in memory, limits on memory, processor, processes, files, time and output, nothing of the host's environment or files.
Not covered: flaws in the kernel, which is shared.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agentfix.errors import SandboxError, SandboxLostError, SandboxUnavailableError
from agentfix.protocols import ExecResult, ExecStatus, Limits
from agentfix.sandbox.engine import ENGINE_ERRORS, LABEL, OWNER_LABEL, Engine, image_reference, owner
from agentfix.sandbox.frames import FrameReader, Outcome, read_outcome
from agentfix.sandbox.output import KILL_BYTES, VALUE_BYTES, HeadTail, one_line

NAME = "docker"
_SCRATCH = "size=64m,nr_inodes=4096,mode=1777,nosuid,nodev,noexec"
_START_S = 60.0
"""How long a container may take to start a program."""
_READ_BYTES = 65536


class DockerSandbox:
    """Runs programs in containers.

    Args:
        image: made by `agentfix sandbox build`.

    Raises:
        ConfigError: that is no image reference.
    """

    name = NAME

    def __init__(self, image: str) -> None:
        self._image = image_reference(image)

    async def open(self) -> DockerSession:
        """Connect to the engine and look for the image.

        Raises:
            SandboxUnavailableError: there is no engine, no permission, no image or only one from other files.
        """
        return await asyncio.to_thread(self._open)

    def _open(self) -> DockerSession:
        engine = Engine()
        try:
            engine.require_image(self._image)
        except SandboxUnavailableError:
            engine.close()
            raise
        return DockerSession(engine, self._image)


class DockerSession:
    """A connection to the engine. Programs may run side by side, each in a container of its own."""

    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self._image = image

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None) -> ExecResult:
        """Run a program from a clean state; see `agentfix.Session`."""
        run = _Run(self._engine, self._image, code, limits, want)
        work = asyncio.create_task(asyncio.to_thread(run.run))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            run.abort()
            await asyncio.gather(work, return_exceptions=True)
            raise

    async def aclose(self) -> None:
        """Close the connection. May be called twice."""
        await asyncio.to_thread(self._engine.close)


def host_config(engine: Engine, limits: Limits) -> Any:
    """The walls of the container."""
    return engine.api.create_host_config(
        network_mode="none", read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"], auto_remove=True,
        tmpfs={"/tmp": _SCRATCH, "/box": _SCRATCH}, shm_size=16 * 2**20,
        mem_limit=limits.memory_bytes, memswap_limit=limits.memory_bytes,  # equal: no swap
        pids_limit=limits.pids, nano_cpus=int(limits.cpus * 1e9),
        ulimits=[{"Name": "nofile", "Soft": 256, "Hard": 256}, {"Name": "core", "Soft": 0, "Hard": 0},
                 {"Name": "fsize", "Soft": 64 * 2**20, "Hard": 64 * 2**20}],
        log_config={"Type": "none", "Config": {}},  # a log would be a way to fill the host's disk
    )


@dataclass
class _Run:
    """One program in one container. Runs in a thread; `abort` may be called from another."""

    engine: Engine
    image: str
    code: str
    limits: Limits
    want: str | None
    stdout: HeadTail = field(init=False)
    stderr: HeadTail = field(init=False)
    complaint: HeadTail = field(init=False)
    """What the runner itself says on standard error: nothing, unless it is broken."""
    started: float | None = None
    aborted: threading.Event = field(default_factory=threading.Event)
    stream: Any = None

    def __post_init__(self) -> None:
        self.stdout, self.stderr, self.complaint = (HeadTail(n) for n in (self.limits.output_bytes,) * 2 + (2000,))

    def run(self) -> ExecResult:
        """Make the container, run the program, remove the container."""
        container = ""
        try:
            container = self._create()
            return self._talk(container)
        except ENGINE_ERRORS as error:
            raise SandboxLostError(f"The Docker engine failed under a program: {one_line(str(error), 300)}.") from error
        finally:
            if container:
                try:
                    self.engine.remove(container)
                except ENGINE_ERRORS as error:
                    raise SandboxError(f"The container {container[:12]} could not be removed: "
                                       f"{one_line(str(error), 300)}.", "Remove it: agentfix sandbox rm") from error

    def abort(self) -> None:
        """Make `run` end soon."""
        self.aborted.set()
        if self.stream is not None:
            self._hang_up()

    def _create(self) -> str:
        try:
            made = self.engine.api.create_container(
                self.image, stdin_open=True, user="65534:65534", hostname="sandbox", working_dir="/box",
                labels={LABEL: "1", OWNER_LABEL: owner()}, host_config=host_config(self.engine, self.limits),
                use_config_proxy=False)  # the user's proxy settings are no business of the program
        except ENGINE_ERRORS as error:
            if getattr(error, "status_code", None) == 404:
                self.engine.require_image(self.image)
            raise
        return made["Id"]

    def _talk(self, container: str) -> ExecResult:
        attached = self.engine.api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        # What the SDK returns differs between unix sockets, TCP, TLS and ssh; below them all is one with a timeout.
        self.stream = getattr(attached, "_sock", attached)
        try:
            self.engine.api.start(container)
            request = json.dumps({"code": self.code, "want": self.want, "value_bytes": VALUE_BYTES}).encode()
            self.stream.settimeout(_START_S)
            self.stream.sendall(struct.pack(">I", len(request)) + request)
            return self._listen(container)
        finally:
            # Shut before the container is removed: an engine that can't get rid of output locks up on its removal.
            self._hang_up()
            self.stream.close()
            attached.close()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.stream.shutdown(socket.SHUT_RDWR)

    def _listen(self, container: str) -> ExecResult:
        frames, demux = FrameReader(), _Demux()
        deadline = time.monotonic() + _START_S
        while not self.aborted.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.stream.settimeout(left)
            try:
                data: bytes = self.stream.recv(_READ_BYTES)
            except TimeoutError:
                break
            if not data:
                return self._silent(container)
            for kind, payload in frames.feed(demux.feed(data, self.complaint)):
                if kind == "S":
                    self.started = time.monotonic()
                    deadline = self.started + self.limits.timeout_s
                elif kind == "R":
                    return self._result(read_outcome(payload))
                else:
                    (self.stdout if kind == "O" else self.stderr).add(payload)
            if self.stdout.total_bytes + self.stderr.total_bytes > KILL_BYTES:
                return self._as("output_limit", error=f"more than {KILL_BYTES} bytes of output")
        if self.started is None and not self.aborted.is_set():
            return self._as("spawn_failed", error=f"the container did not start the program within {_START_S:g} s")
        return self._as("timeout", error=f"time limit of {self.limits.timeout_s:g} s reached")

    def _result(self, outcome: Outcome) -> ExecResult:
        runner, program = outcome.runner, outcome.program
        if runner.signal is not None:
            if runner.oom_kills > 0 and outcome.signal_name == "SIGKILL":
                return self._as("oom", outcome, error=self._memory_limit())
            return self._as("crash", outcome, error=f"killed by {outcome.signal_name}")
        if runner.exit_code == 0 and not program.error:
            return self._as("ok", outcome, exit_code=0)
        code = runner.exit_code or 1
        return self._as("error", outcome, exit_code=code, error=program.error or f"exited with status {code}")

    def _silent(self, container: str) -> ExecResult:
        """The container ended without a report: something killed process 1."""
        state: dict[str, Any] = {}
        with suppress(*ENGINE_ERRORS):
            state = self.engine.api.inspect_container(container)["State"]
        if state.get("OOMKilled"):
            return self._as("oom", error=self._memory_limit())
        if self.started is None and not self.aborted.is_set():
            said = one_line(self.complaint.text(), 300) or one_line(str(state.get("Error", "")), 300)
            return self._as("spawn_failed", error=f"the program did not begin: {said or 'no reason given'}")
        return self._as("crash", error="the container ended without a report")

    def _memory_limit(self) -> str:
        return f"memory limit of {self.limits.memory_bytes} bytes reached"

    def _as(self, status: ExecStatus, outcome: Outcome | None = None, *, exit_code: int | None = None,
            error: str = "") -> ExecResult:
        ran_s = time.monotonic() - self.started if self.started is not None else 0.0
        program = outcome.program if outcome else None
        return ExecResult(
            status, self.stdout.text(), self.stderr.text(), exit_code,
            value=program.value if program and status == "ok" else None, error=one_line(error),
            line=program.line if program and status == "error" else None,
            truncated=self.stdout.truncated or self.stderr.truncated or bool(program and program.cut),
            seconds=outcome.runner.seconds if outcome else ran_s,
            peak_memory_bytes=outcome.runner.peak_memory_bytes if outcome else None, sandbox=NAME)


class _Demux:
    """Undoes the engine's multiplexing: a stream number, three zero bytes and a u32 length before each piece."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes, errors: HeadTail) -> bytes:
        """Take bytes; return what belongs to standard output, and put what belongs to standard error into `errors`."""
        self._data += data
        output = bytearray()
        while len(self._data) >= 8:
            length = int.from_bytes(self._data[4:8], "big")
            if len(self._data) < 8 + length:
                break
            piece = bytes(self._data[8:8 + length])
            if self._data[0] == 2:
                errors.add(piece)
            else:
                output += piece
            del self._data[:8 + length]
        return bytes(output)
