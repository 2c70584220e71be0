"""A PostgreSQL server for tests: one that is told, or else a private one in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

TOLD = "AGENTFIX_TEST_POSTGRES"
"""A URL of a server in which databases may be made."""
USER = "postgres"
START_S = 60


def programs() -> Path | None:
    """The folder of initdb and postgres; Debian keeps it off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path]
    return found[-1].parent if found else None


class Server:
    """A private server.

    Args:
        bin_: the folder of its programs.
        folder: to keep everything in; its owner runs it, and `postgres` when that is root.
        fsync: outlive a power cut, which costs time.
        max_connections: it serves at once.
    """

    def __init__(self, bin_: Path, folder: Path, *, fsync: bool = False,
                 max_connections: int = 200) -> None:
        self._bin, self._folder = bin_, folder
        self._options = f"-c fsync={'on' if fsync else 'off'} -c max_connections={max_connections}"
        self._as = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if self._as:
            shutil.chown(folder, USER, USER)
        self._do("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        self.start()

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self._folder} -p {self.port} -h 127.0.0.1 {self._options}"
        self._do("pg_ctl", "start", "-w", "-t", str(START_S), "-D", str(self._folder / "data"),
                 "-l", str(self._folder / "log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `immediate` is how it dies when it is killed."""
        self._do("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._folder / "data"))

    def _do(self, program: str, *arguments: str) -> None:
        subprocess.run([*self._as, str(self._bin / program), *arguments], check=True, cwd=self._folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "LC_ALL": "C"})


@contextlib.contextmanager
def private_server(*, fsync: bool = False, max_connections: int = 200) -> Iterator[Server]:
    """A server that is gone afterwards."""
    bin_ = programs()
    assert bin_ is not None
    with tempfile.TemporaryDirectory(prefix="agentfix-pg-", dir="/tmp") as folder:  # a socket's path must be short
        server = Server(bin_, Path(folder), fsync=fsync, max_connections=max_connections)
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop("immediate")


@contextlib.contextmanager
def new_database(url: str) -> Iterator[str]:
    """The URL of an empty database beside another one."""
    import psycopg

    name = f"agentfix_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        try:
            head, _, options = url.partition("?")
            yield head.rsplit("/", 1)[0] + f"/{name}" + (f"?{options}" if options else "")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # pyright: ignore[reportArgumentType, reportCallIssue]


@contextlib.contextmanager
def some_server(*, fsync: bool = False) -> Iterator[str | None]:
    """The URL of the server that is told, or of a private one; None where there is none."""
    if told := os.environ.get(TOLD):
        yield told
    elif programs() is None:
        yield None
    else:
        with private_server(fsync=fsync) as server:
            yield server.url
