"""Where programs run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

ExecStatus: TypeAlias = Literal[
    "ok", "error", "timeout", "oom", "crash", "output_limit", "unsupported", "spawn_failed"
]

SessionState: TypeAlias = Literal["fresh", "kept", "rolled_back", "lost"]

OutputStream: TypeAlias = Literal["stdout", "stderr"]

OnOutput: TypeAlias = Callable[[OutputStream, str], None]

HostFunction: TypeAlias = Callable[..., Awaitable[Any]]
"""A function of the host that a program may call by its name. Takes and returns what JSON can say; a ToolError that it
raises is raised in the program, as a RuntimeError with that message."""

@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    timeout_s: float = 10.0
    memory_bytes: int = 512 * 2**20
    output_bytes: int = 64 * 2**10
    """Per stream; head and tail are kept past it."""
    pids: int = 64
    cpus: float = 1.0
    disk_bytes: int = 64 * 2**20
    """Of the working folder, and as much again of /tmp."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a program made or changed in its working folder. A figure of matplotlib's becomes one, as PNG."""

    path: str
    """Relative to the working folder, with slashes."""
    media_type: str
    """Told from its first bytes, never from its name."""
    size_bytes: int
    data: bytes | None
    """None when it is larger than a sandbox gives back."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file in a session's working folder."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What happened to a program. An outcome is data; only a failing sandbox raises."""

    status: ExecStatus
    """`ok`; `error`: an uncaught exception or an exit status other than 0; `timeout`; `oom`: it ran out of memory;
    `crash`: a signal ended it; `output_limit`: it printed too much; `unsupported`: this sandbox lacks what it needs;
    `spawn_failed`: it could not be started."""
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """0 for `ok`; the process's own code otherwise; None when it was killed or never ran."""
    value: str | None = None
    """The variable that was asked for (`want`) as `str` gives it, or else the last expression as `repr` gives it; None
    when it was not set, when the program does not end in an expression, or when that is None."""
    error: str = ""
    """What went wrong, in one line: the exception's type and message, the limit that was reached, what is lacking."""
    line: int | None = None
    """The line of the program (from 1) where it failed."""
    truncated: bool = False
    """Output or value was cut."""
    seconds: float = 0.0
    peak_memory_bytes: int | None = None
    """Of its largest process; None where the sandbox can't tell."""
    sandbox: str = ""
    """Which sandbox ran it: part of the evidence."""
    signal: str = ""
    """The name of the signal that ended it, such as `SIGSEGV`; empty when none did."""
    cpu_seconds: float | None = None
    """Of all its processes; None where the sandbox can't tell."""
    artefacts: tuple[Artefact, ...] = ()
    state: SessionState = "fresh"
    """`fresh`: it began with no variables; `kept`: it began with those of earlier cells; a cell's own variables are
    kept in both. `rolled_back`: the cell was undone, and the variables are as they were before it. `lost`: all
    variables are gone, and the next cell begins with none."""


@runtime_checkable
class Session(Protocol):
    """An open sandbox for one run."""

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a Python program.

        Args:
            code: the source.
            limits: time, memory, output.
            want: a variable whose value is returned as text when the program ends well.
            stateful: run it as a cell: it sees the variables of the session's earlier cells, and later cells see its
                own; what it writes to its folder stays. Cells run one after another. Without it, the program begins
                from a clean state, with the files that were `put` and nothing else, and leaves nothing behind.
            on_output: called in the caller's event loop with what is printed, as it comes.
            functions: what of the host the program may call by name. A sandbox that can't offer this answers
                `unsupported`.

        Raises:
            SandboxError: the sandbox failed (never: the program did).
        """
        ...

    async def put(self, path: str, data: bytes) -> None:
        """Write a file into the working folder of this session's programs and cells.

        Args:
            path: relative, with slashes; folders are made.
            data: the whole file.

        Raises:
            SandboxFileError: the path leaves the folder or is no file's, or there is no room.
        """
        ...

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put.

        Raises:
            SandboxFileError: there is no regular file of that name, or it is too large.
        """
        ...

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        ...

    async def aclose(self) -> None:
        """Leave nothing behind. May be called twice."""
        ...


@runtime_checkable
class Sandbox(Protocol):
    """A place where model-written programs run."""

    name: str

    async def open(self) -> Session:
        """Make ready to run programs.

        Raises:
            SandboxUnavailableError: it can't be had here; the hint says what would mend that.
        """
        ...

    async def aclose(self) -> None:
        """Free what is kept ready for further sessions. May be called twice; the sandbox can be used again after it."""
        ...
