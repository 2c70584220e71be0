"""Refuses a tool what it did not declare, as far as Python lets one see it.

An audit hook watches what the code that runs on behalf of a tool does: opening files, listing folders, connecting,
starting programs. The system's temporary folder is open to every tool: what it makes there can't be told from the rest.
It sees Python, not what native code does by itself, and not threads without the tool's context: those of a pool, those
started with `threading.Thread`, and the one in which asyncio looks up names. A tool that means harm can get round it:
it catches mistakes and plain lies. `isolate=True` keeps a tool's memory apart, with this user's rights; what must hold
against malice runs in the sandbox.
"""

from __future__ import annotations

import mimetypes
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from agentfix.protocols import HostFunction
from agentfix.types import ToolSpec

_current: ContextVar[Guard | None] = ContextVar("agentfix_guard", default=None)
_PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
                        "os.forkpty", "os.startfile"})
_CHANGES = frozenset({"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
                      "os.chmod", "os.chown", "shutil.rmtree", "shutil.move", "shutil.copyfile"})
_TOLD_FOLDERS: Mapping[str, int] = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.rename": 2}
"""Where among an event's arguments the open folders begin from which its paths are taken; -1 for none."""
_DEVICES = tuple(Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom"))
_TABLES = (*(f"/etc/{name}" for name in (
    "hosts", "resolv.conf", "nsswitch.conf", "gai.conf", "services", "protocols", "localtime", "timezone", "os-release",
    "fonts", "ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust", "ca-certificates")),
           *(f"/proc/{name}" for name in (
    "cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys/kernel", "self/status",
    "self/stat", "self/statm", "self/fd", "self/cgroup", "self/mountinfo")), "/usr/share")
"""What libraries look up of the system. Its users and its settings are no part of it."""
_IMPORTING = "<frozen importlib._bootstrap_external>"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


_LACKS: Mapping[str, str] = {"paths": "it declares no such path", "hosts": "it declares no such host",
                             "processes": "it declares no processes"}
"""What a model is told, by what would have to be declared."""


class UndeclaredError(PermissionError):
    """A tool did what it did not declare."""

    told = "It may not do that: it did not declare it."
    """What a model is told."""


def undeclared_in(error: BaseException | None) -> UndeclaredError | None:
    """What a tool was refused, when that is what an error comes from."""
    while error is not None and not isinstance(error, UndeclaredError):
        error = error.__cause__ or error.__context__
    return error


@dataclass
class Guard:
    """What one call of a tool may do.

    Args:
        spec: what the tool declared.
        folders: more places whose files it may use, such as the run's working folder.
        own: more places whose files it may read, such as its own package.
    """

    spec: ToolSpec
    folders: tuple[Path, ...] = ()
    own: tuple[Path, ...] = ()
    refused: list[str] = field(default_factory=list[str])
    """What it tried and was not allowed, for a person."""

    @contextmanager
    def on(self) -> Generator[None]:
        """Watch what is done inside, in this task and in threads that get its context (`asyncio.to_thread`)."""
        _watch()
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def refuse(self, what: str, declare: str) -> None:
        """Raises UndeclaredError."""
        line = f"it tried to {what}, which it did not declare ({declare})"
        self.refused.append(line)
        error = UndeclaredError(line)
        error.told = f"It may not {what}: {_LACKS.get(declare, declare)}."
        raise error

    def may_use(self, path: str | Path, *, writes: bool = False) -> bool:
        """Whether a file may be opened: where Python itself lives it may be read, elsewhere it must be declared."""
        real = Path(os.path.realpath(Path(path).expanduser()))
        if any(real.is_relative_to(place) for place in (_DEVICES if writes else (*_DEVICES, *_python_places()))):
            return True
        declared = (Path(place).expanduser() for place in self.spec.paths)
        allowed = (tempfile.gettempdir(), *self.folders, *declared, *(() if writes else self.own))
        return any(real.is_relative_to(os.path.realpath(place)) for place in allowed)

    def may_reach(self, host: str) -> bool:
        """Whether a host is declared."""
        return any(fnmatchcase(host.casefold().rstrip("."), pattern.casefold()) for pattern in self.spec.hosts)


def home_of(part: object) -> tuple[Path, ...]:
    """The folder of a part's own code, whose files it may read."""
    source = getattr(part, "source", None) or type(part)
    module = sys.modules.get(getattr(source, "__module__", ""))
    file = getattr(module, "__file__", None)
    return () if file is None else (Path(file).parent,)


@contextmanager
def off() -> Generator[None]:
    """Let the engine itself act on a tool's behalf: its sandbox, its HTTP client."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def watched(function: HostFunction) -> HostFunction:
    """A function of the tool that is watched now, for one who calls it while the watch is off."""
    guard = _current.get()
    if guard is None:
        return function

    async def call(*args: Any, **kwargs: Any) -> Any:
        with guard.on():
            return await function(*args, **kwargs)

    return call


@cache
def _watch() -> None:
    """Hear of what happens in this process, from now on: an audit hook can't be taken away again."""
    sys.addaudithook(_heard)


def _heard(event: str, args: tuple[Any, ...]) -> None:
    check = _CHECKS.get(event)
    if check is None:
        return
    guard = _current.get()
    if guard is not None:
        with off():
            check(guard, event, args)


def _opens(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    path = args[0]
    if isinstance(path, int):
        return
    text = os.fsdecode(path)
    if event == "sqlite3.connect" and _is_in_memory(text):
        return
    mode, flags = args[1:] if len(args) == 3 and isinstance(args[2], int) else ("", 0)
    writes = bool(flags & _WRITES)
    if text == os.devnull or (writes and _is_bytecode(text)) or guard.may_use(text, writes=writes):
        return
    if not writes and (text in sys.path or (text.startswith("<") and text.endswith(">") and _is_bare(text))):
        return  # importing and warnings look there: neither an editable install's names nor `<unknown>` are files
    if mode is None and flags & _NO_LINK and _is_bare(text):
        return  # from a folder that is open, which was checked then: the event doesn't say from which
    guard.refuse(f"{'write' if writes else 'read'} {text!r}", "paths")


def _changes(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    for index, path in enumerate(args[:2]):
        if not isinstance(path, str | bytes):
            continue
        text = os.fsdecode(path)
        told = _TOLD_FOLDERS.get(event)
        if told is not None and args[told + index] != -1 and _is_bare(text):
            continue  # from a folder that is open, which was checked then
        if not _is_bytecode(text) and not guard.may_use(text, writes=True):
            guard.refuse(f"change {text!r}", "paths")


def _lists(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    if isinstance(args[0], int) or _is_importing():
        return
    text = os.curdir if args[0] is None else os.fsdecode(args[0])
    if guard.may_use(text) or text in sys.path or (text == os.curdir and "" in sys.path):
        return  # what is installed is looked for there
    guard.refuse(f"list {text!r}", "paths")


def _is_importing() -> bool:
    """Whether it is Python's import that did what was heard of, not the tool's own code."""
    return sys._getframe(3).f_code.co_filename == _IMPORTING  # pyright: ignore[reportPrivateUsage] - the hook's caller


def _is_bare(name: str) -> bool:
    """Whether a path leads no further than the folder from which it is taken."""
    return os.sep not in name and name not in (os.curdir, os.pardir)


def _is_bytecode(path: str) -> bool:
    """Whether it is where Python keeps what it compiled when something is imported."""
    last = Path(path)
    return last.name == "__pycache__" or (last.parent.name == "__pycache__" and ".pyc" in last.name)


def _is_in_memory(database: str) -> bool:
    return database in ("", ":memory:") or (database.startswith("file:") and "mode=memory" in database)


def _moves(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    guard.refuse(f"make {str(args[0])!r} the current folder, which is that of the whole program", "no tool may")


def _starts(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    if not guard.spec.processes:
        guard.refuse(f"start a program ({event})", "processes")


def _resolves(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    host = os.fsdecode(args[0]) if args and isinstance(args[0], str | bytes) else ""
    if host and not guard.may_reach(host):
        guard.refuse(f"reach {host!r}", "hosts")


def _connects(guard: Guard, event: str, args: tuple[Any, ...]) -> None:
    if not guard.spec.hosts:
        guard.refuse(f"connect to {args[1]!r}", "hosts")


_CHECKS: Mapping[str, Callable[[Guard, str, tuple[Any, ...]], None]] = {
    "open": _opens,
    "sqlite3.connect": _opens,
    "os.listdir": _lists,
    "os.scandir": _lists,
    "os.chdir": _moves,
    "socket.sendmsg": _connects,
    "socket.connect": _connects,
    "socket.sendto": _connects,
    "socket.getaddrinfo": _resolves,
    "socket.gethostbyname": _resolves,
    **dict.fromkeys(_PROCESSES, _starts),
    **dict.fromkeys(_CHANGES, _changes),
}


@cache
def _python_places() -> tuple[Path, ...]:
    """Where Python, its packages, agentfix and the system's tables really are."""
    paths = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, str(Path(__file__).parent.parent),
             *(entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages")))}
    return tuple({Path(os.path.realpath(place)): None for place in (*sorted(paths), *_TABLES, *mimetypes.knownfiles)})
