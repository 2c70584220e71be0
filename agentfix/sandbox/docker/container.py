"""One container: made with all its walls, attached, started, removed. Its methods block.

Covered: no network, no capabilities, no privileges to gain, our own list of system calls, an unprivileged user, a
read-only root, sized scratch space in memory from which nothing can be executed, limits on memory, processor,
processes, files and output, nothing of the host's environment or files.

Not covered: flaws in the kernel, which is shared, unless the engine's runtime brings its own (gVisor, Kata); what the
processor gives away to those who measure time; the versions of kernel and processor, which can be read.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from agentfix.errors import IsolationError, SandboxError, SandboxLostError, SandboxUnavailableError
from agentfix.sandbox.docker.engine import ENGINE_ERRORS, LABEL, Engine
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.owners import OWNER_LABEL, this_owner
from agentfix.sandbox.docker.seccomp import profile
from agentfix.sandbox.output import one_line

IDLE_S = 120
"""A box that hears nothing for so long ends by itself: its host is gone or frozen."""
USER = "65534:65534"
_INODES = 4096
_SHM_BYTES = 16 * 2**20
_OPEN_FILES = 256
_PUMP_BYTES = 65536


class Container:
    """A container that has started.

    Args:
        engine: where it runs.
        id: its name there.
        attached: what the engine's client returned for its standard streams.
    """

    def __init__(self, engine: Engine, id: str, attached: Any) -> None:
        self.id = id
        self._engine = engine
        self._attached = attached
        # What the client returns differs between unix sockets, TCP, TLS and ssh; a socket is below some of them.
        self._below: Any = getattr(attached, "_sock", attached)
        self.socket = self._below if type(self._below) is socket.socket else _pumped(self._below)
        """Its standard streams, without blocking."""
        self.socket.setblocking(False)

    @classmethod
    def start(cls, engine: Engine, kind: BoxKind) -> Container:
        """Make a container, attach to it and start it.

        Raises:
            IsolationError: the engine refuses a wall that is asked for.
            SandboxUnavailableError: the engine or the image is not there.
            SandboxError: it did not start.
        """
        try:
            made = engine.api.create_container(
                kind.image, stdin_open=True, user=USER, hostname="sandbox", working_dir="/box",
                environment={"AGENTFIX_IDLE_S": str(IDLE_S), "AGENTFIX_PREIMPORTS": " ".join(kind.preimports)},
                labels={LABEL: "1", OWNER_LABEL: this_owner()}, host_config=_host_config(engine, kind),
                use_config_proxy=False)  # the user's proxy settings are no business of a program
        except ENGINE_ERRORS as error:
            raise _refused(error, kind) from error
        try:
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached = engine.api.attach_socket(made["Id"], params=streams)
            container = cls(engine, made["Id"], attached)
            try:
                engine.api.start(made["Id"])
            except BaseException:
                container.hang_up()
                raise
            return container
        except ENGINE_ERRORS as error:
            with suppress(*ENGINE_ERRORS):
                engine.remove(made["Id"])
            raise _refused(error, kind) from error

    def hang_up(self) -> None:
        """Close the streams: the worker ends with them, and the container with it. May be called twice."""
        for each in (self.socket, self._below):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                each.close()
        with suppress(OSError):
            self._attached.close()

    def remove(self) -> None:
        """End it and wait until it is gone.

        Raises:
            SandboxError: the engine could not remove it.
        """
        # Before: an engine that can't get rid of output locks up on the removal.
        self.hang_up()
        try:
            self._engine.remove(self.id)
        except ENGINE_ERRORS as error:
            raise SandboxError(f"The container {self.id[:12]} could not be removed: {one_line(str(error), 300)}.",
                               "Once the engine answers again: agentfix sandbox prune") from error

    def last_words(self) -> dict[str, Any]:
        """The engine's account of how it ended; nothing when it is gone."""
        with suppress(*ENGINE_ERRORS):
            return self._engine.api.inspect_container(self.id)["State"]
        return {}


def _host_config(engine: Engine, kind: BoxKind) -> Any:
    """The walls. Podman knows no limit on the number of files, which take memory like all that is in scratch space, and
    takes the list of system calls as a file."""
    inodes = "" if engine.is_podman else f"nr_inodes={_INODES},"
    scratch = f"size={kind.disk_bytes},{inodes}mode=1777,nosuid,nodev,noexec"
    calls = str(engine.file_of(profile())) if engine.is_podman else profile()
    return engine.api.create_host_config(
        network_mode="none", read_only=True, cap_drop=["ALL"], auto_remove=True, runtime=kind.runtime or None,
        security_opt=["no-new-privileges", f"seccomp={calls}"],
        tmpfs={"/tmp": scratch, "/box": scratch}, shm_size=min(_SHM_BYTES, kind.disk_bytes),
        mem_limit=kind.memory_bytes, memswap_limit=kind.memory_bytes,  # equal: no swap
        pids_limit=kind.pids, nano_cpus=int(kind.cpus * 1e9),
        ulimits=[{"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES}, {"Name": "core", "Soft": 0, "Hard": 0},
                 {"Name": "fsize", "Soft": kind.disk_bytes, "Hard": kind.disk_bytes}],
        log_config={"Type": "none", "Config": {}},  # a log would be a way to fill the host's disk
    )


def _refused(error: Exception, kind: BoxKind) -> SandboxError:
    """Why there is no container: the image is gone, a wall can't be had, or the engine failed."""
    said = one_line(str(getattr(error, "explanation", "") or error), 300)
    if getattr(error, "status_code", None) == 404 and "no such image" in said.lower():
        return SandboxUnavailableError(f"The image {kind.image[:19]} is gone.", "Make it: agentfix sandbox build")
    if kind.runtime and "runtime" in said.lower():
        return IsolationError(f"The Docker engine can't use the runtime {kind.runtime!r}: {said}.",
                              "Install it and name it to the engine, or choose another sandbox_runtime.")
    return SandboxLostError(f"The Docker engine started no container: {said}.",
                            "See what it has: agentfix sandbox doctor")


def _pumped(stream: Any) -> socket.socket:
    """A plain socket to a stream that an event loop can't wait for (TLS, ssh), with a thread for each direction."""
    ours, theirs = socket.socketpair()

    def pump(read: Any, write: Any, done: Any) -> None:
        with suppress(OSError, ValueError):
            while data := read(_PUMP_BYTES):
                write(data)
        with suppress(OSError):
            done(socket.SHUT_WR)

    for read, write, done in ((stream.recv, theirs.sendall, theirs.shutdown),
                              (theirs.recv, stream.sendall, stream.shutdown)):
        threading.Thread(target=pump, args=(read, write, done), daemon=True, name="agentfix-box").start()
    return ours
