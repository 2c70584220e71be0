"""A server in a process of its own, and what that process holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentfix import load_settings
from tests.bench.hostile.cheap import COUNT
from tests.bench.hostile.wire import asked, posted

PLUGIN = Path(__file__).with_name("cheap.py")
LABEL = "org.agentfix"


@dataclass(frozen=True)
class Target:
    """A server under way."""

    port: int
    process: subprocess.Popen[str]
    log: Path

    async def held(self) -> dict[str, int]:
        """What the process holds, in numbers. Of containers that nobody has had yet one of a kind is kept ready."""
        pid = self.process.pid
        counted = await asyncio.to_thread(_outside, pid)
        body = {"model": "cheap:", "messages": [{"role": "user", "content": COUNT}],
                "tools": [{"type": "function", "function": {"name": "none"}}]}
        status, said = await asked(self.port, posted("/v1/chat/completions", body))
        assert status == 200, said
        counted.update(json.loads(json.loads(said)["choices"][0]["message"]["content"]))
        counted["containers at work"] = counted.pop("containers") - counted["spare containers"]
        status, said = await asked(self.port, b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        return {**counted, "requests": int(json.loads(said)["under_way"])}

    @property
    def memory_mb(self) -> float:
        """Of the process, resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@contextlib.asynccontextmanager
async def serving(models: Sequence[str], folder: Path) -> AsyncGenerator[Target]:
    """Serve models, the cheap one with them, until this is left; its journal and its log are kept in a folder."""
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(load_settings().models_dir)
    environment = {**os.environ, "AGENTFIX_SANDBOX": "auto", "AGENTFIX_MAX_ROUNDS": "3", "AGENTFIX_DATA_DIR": str(data)}
    log = folder / "log"
    named = [word for model in ("cheap:", *models) for word in ("--model", model)]
    with log.open("w", encoding="utf-8") as complaints:
        command = [sys.executable, "-m", "agentfix", "serve", *named, "--port", "0", "--plugin", str(PLUGIN)]
        process = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment, and nothing else is to be done
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=environment)
    try:
        assert process.stdout is not None
        said = await asyncio.to_thread(process.stdout.readline)
        found = re.search(r":(\d+)/v1", said)
        if found is None:
            raise RuntimeError(f"The server said {said!r}; its log says {log.read_text(encoding='utf-8')!r}.")
        yield Target(int(found[1]), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate)


def _outside(pid: int) -> dict[str, int]:
    """What the system tells of a process."""
    return {"descriptors": len([*Path(f"/proc/{pid}/fd").iterdir()]), "processes": len(_below(pid)),
            "containers": containers(pid)}


def containers(pid: int) -> int:
    """The sandbox containers that a process made."""
    command = ["docker", "ps", "-a", "--format", f'{{{{.Label "{LABEL}.owner"}}}}']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError:
        return 0
    return sum(f":{pid}:" in line for line in done.stdout.splitlines())


def _below(pid: int) -> list[int]:
    """The processes that a process began, and those that these began."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text(encoding="ascii").split():
                found += [int(child), *_below(int(child))]
    return found
