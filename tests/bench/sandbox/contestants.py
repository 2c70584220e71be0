"""What is timed: our sandboxes, other people's, and Python itself. Each runs cells and says what they took."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias

import pydantic_monty as monty

from agentfix.protocols import Session
from tests.bench.sandbox.environments import SCRIPTS, Peer, PeerError

Cell: TypeAlias = tuple[str, str]
"""Source, and what it must print."""
SYSTEM_PYTHON = Path("/usr/bin/python3")


class Contestant(Protocol):
    """Something that runs cells."""

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        """Run them one after another; returns the milliseconds of each."""
        ...


def host_python() -> str:
    """The system's, as the box's is; never that of a virtual environment, which starts more slowly."""
    return str(SYSTEM_PYTHON) if SYSTEM_PYTHON.exists() else os.path.realpath(sys.executable)


class HostPython:
    """`python3 -c` on the host."""

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        taken: list[float] = []
        for code, expected in cells:
            began = time.perf_counter()
            done = subprocess.run([host_python(), "-c", code], capture_output=True, text=True, check=True)  # noqa: ASYNC221
            taken.append(1000 * (time.perf_counter() - began))
            assert done.stdout.strip() == expected
        return taken


@dataclass(frozen=True)
class Ours:
    """A session of one of our sandboxes."""

    session: Session
    stateful: bool = False

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        taken: list[float] = []
        for code, expected in cells:
            began = time.perf_counter()
            result = await self.session.exec(code, stateful=self.stateful)
            taken.append(1000 * (time.perf_counter() - began))
            assert (result.status, result.stdout.strip()) == ("ok", expected), result
        return taken


@dataclass(frozen=True)
class BareMonty:
    """Monty's own pool of workers, in the event loop; each program in a session of its own, as in the embedded sandbox.
    """

    pool: monty.AsyncMonty

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        taken: list[float] = []
        for code, expected in cells:
            printed: list[str] = []
            began = time.perf_counter()
            async with self.pool.checkout() as session:
                await session.feed_run(code, print_callback=lambda _, text, to=printed: to.append(text))
            taken.append(1000 * (time.perf_counter() - began))
            assert "".join(printed).strip() == expected
        return taken


@dataclass(frozen=True)
class BlockingMonty:
    """The same, which blocks the event loop meanwhile."""

    pool: monty.Monty

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        taken: list[float] = []
        for code, expected in cells:
            printed: list[str] = []
            began = time.perf_counter()
            with self.pool.checkout() as session:
                session.feed_run(code, print_callback=lambda _, text, to=printed: to.append(text))
            taken.append(1000 * (time.perf_counter() - began))
            assert "".join(printed).strip() == expected
        return taken


@dataclass(frozen=True)
class Other:
    """Another sandbox, in a process and an environment of its own."""

    peer: Peer
    process: asyncio.subprocess.Process
    complaints: IO[bytes]
    """What it writes to standard error."""

    async def time(self, cells: Sequence[Cell]) -> list[float]:
        """Raises PeerError when one can't be run or prints something else."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(cells).encode() + b"\n")
        return await self.reply()

    async def reply(self) -> list[float]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            self.complaints.seek(0)
            said = self.complaints.read().decode(errors="replace").split()
            raise PeerError(f"{self.peer.name} failed: {' '.join(said)[-500:]}")
        return json.loads(line)


@asynccontextmanager
async def opened(peer: Peer, python: Path, image: str) -> AsyncGenerator[tuple[Other, float]]:
    """Another sandbox, ready, and the milliseconds that this took it.

    Raises:
        PeerError: it can't be opened.
    """
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            python, SCRIPTS / peer.script, image, stdin=PIPE, stdout=PIPE, stderr=complaints)
        other = Other(peer, process, complaints)
        try:
            (setup_ms,) = await other.reply()
            yield other, setup_ms
        finally:
            await process.communicate(b"")  # its input ends, and with it its container
