"""Servers that other people wrote, run on loopback: how one is installed, started and stopped.

Knows nothing about what a server can do; that stands in `table.py`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.environments import Environment

START_S = 400.0
STOP_S = 15.0
MODEL = "small"
"""The name under which every server offers its one model."""


class NotInstalledError(Exception):
    """A server's packages are not there; says how to get them."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What a server is started with."""

    model_file: Path
    key: str
    """What a client must show, where the server asks for a key."""
    upstream: str = ""
    """For a proxy: the address of the server behind it."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server by name."""

    name: str
    module: str
    """What must be importable."""
    health: str
    """A path that answers 200 as soon as the model can be asked."""
    command: Callable[[Backend, int, Path], list[str]]
    """The arguments of its Python for a backend, a port and a folder for its files."""
    requirements: tuple[str, ...] = ()
    """What its own environment is made of; empty where it lives in ours."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables it is started with besides ours."""

    @property
    def home(self) -> Environment:
        """Its own environment."""
        return Environment(self.name, self.requirements)

    @property
    def python(self) -> Path:
        """The interpreter that runs it."""
        return self.home.python if self.requirements else Path(sys.executable)

    def installed(self) -> bool:
        """Whether it can be started."""
        if self.requirements:
            return self.home.installed()
        found = subprocess.run([self.python, "-c", f"import {self.module}"], capture_output=True, check=False)
        return found.returncode == 0

    @contextlib.contextmanager
    def running(self, backend: Backend, folder: Path) -> Iterator[str]:
        """Start it, wait until it answers, and stop it in the end.

        Yields:
            The address for clients, which ends in `/v1`.

        Raises:
            NotInstalledError: its packages are not there.
        """
        if not self.installed():
            raise NotInstalledError(f"{self.name} is not installed: python -m tests.servers")
        port = free_port()
        log = folder / f"{self.name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen([self.python, *self.command(backend, port, folder)], cwd=folder,
                                       env={**os.environ, **self.environment},
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            try:
                self._wait(process, f"http://127.0.0.1:{port}{self.health}", log)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                stop(process)

    def _wait(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(address, timeout=10.0).status_code == 200:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"{self.name} did not start ({process.poll()}); its last words:\n{words}")
            time.sleep(0.25)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force where it does not end when asked."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
