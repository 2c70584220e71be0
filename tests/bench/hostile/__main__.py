"""What strangers may do to a server: `python -m tests.bench.hostile [--requests 10000] [--clients 200] [--waves 3]`.

A server in a process of its own, with a model that costs nothing and, where it was pulled, smollm2-135m. It is sent
malformed requests: bodies made from its own description, bytes that are no HTTP and, where the command `schemathesis`
or `uvx` is there and --schemathesis says how many examples an operation is to have, what Schemathesis makes up. Then
waves of clients come, of which a fifth leave. Afterwards it must hold no more than after a first wave of each. Exits
with 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agentfix import load_settings
from agentfix.models.catalog import open_catalogue
from tests.bench.hostile import malformed
from tests.bench.hostile.crowd import wave, wishes
from tests.bench.hostile.served import Target, serving
from tests.bench.hostile.wire import asked

SMALL = "smollm2-135m"
SLACK = 10
"""Descriptors that a spare container and files opened when first needed take."""
QUIET_S = 60.0
"""How long it may take until the server holds no more than before."""
GROWTH_MB = 100.0
"""How much memory the malformed requests, and the waves, may leave behind."""


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def quiet(target: Target, before: dict[str, int]) -> dict[str, int]:
    """What the server holds as soon as that is no more than before, or when it has had its time."""
    deadline = time.monotonic() + QUIET_S
    while True:
        held = await target.held()
        if time.monotonic() > deadline or not excess(before, held):
            return held
        await asyncio.sleep(0.5)


def excess(before: dict[str, int], held: dict[str, int]) -> list[str]:
    """What there is more of than before. A file that is opened when first needed and spare containers are none: those
    are as many as the sandbox may have at most."""
    slack = {"descriptors": SLACK, "asyncio tasks": 1, "spare containers": 2}
    return [name for name, count in held.items() if count > before.get(name, 0) + slack.get(name, 0)]


async def settled(target: Target) -> dict[str, int]:
    """What the server holds when it changes no more."""
    held = await target.held()
    for _ in range(60):
        await asyncio.sleep(1)
        held, before = await target.held(), held
        if held == before and not held["requests"] and not held["model calls"]:
            break
    return held


def schemathesis(port: int, examples: int) -> tuple[int, str]:
    """Its exit status and its last words; 0 where it is not there."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    own, uvx = (shutil.which(name, path=path) for name in ("schemathesis", "uvx"))
    command = [own] if own else [uvx, "schemathesis"] if uvx else []
    if not command or not examples:
        return 0, "left out"
    done = subprocess.run(
        [*command, "run", f"http://127.0.0.1:{port}/openapi.json", "--mode", "negative", "--checks",
         "not_a_server_error", "--max-examples", str(examples), "--phases", "fuzzing", "--generation-deterministic"],
        capture_output=True, text=True, check=False)
    words = [line.strip() for line in done.stdout.splitlines() if "generated" in line or "error" in line.lower()]
    return done.returncode, "; ".join(words[-3:]) or done.stdout[-300:] + done.stderr[-300:]


async def malformed_part(target: Target, number: int, examples: int, chance: random.Random) -> bool:
    """Send malformed requests, and print what came of them."""
    _, said = await asked(target.port, b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    description = json.loads(said)
    parts = (("bodies", malformed.bodies(description, chance), number * 6 // 10, False),
             ("garbage", malformed.garbage(chance), number - number * 6 // 10, True))
    for _, requests, _, ends in parts:  # what is loaded and kept once is no growth
        await malformed.sent(target.port, requests, 300, ends=ends)
    before, memory, good = await settled(target), target.memory_mb, True
    for name, requests, share, ends in parts:
        began = time.monotonic()
        statuses, failed = await malformed.sent(target.port, requests, share, ends=ends)
        took = time.monotonic() - began
        told = ", ".join(f"{status or 'closed'}: {count:,}" for status, count in sorted(statuses.items()))
        say(f"malformed {name:8} {share:6,} in {took:5.1f} s   {told}")
        for request in failed[:3]:
            say(f"  failed at {request[:600]!r}")
        good &= not failed
    status, words = await asyncio.to_thread(schemathesis, target.port, examples)
    say(f"schemathesis                        {words}")
    after = await quiet(target, before)
    return report(target, before, after, memory) and good and status == 0


async def crowd_part(target: Target, clients: int, waves: int, chance: random.Random, small: str | None,
                     docker: bool) -> bool:
    """Have crowds come, and print what came of them."""
    sorts = wishes(small, docker=docker)
    await wave(target.port, clients, sorts, chance)
    await wave(target.port, clients, sorts, chance)
    before, memory = await settled(target), target.memory_mb
    ended: Counter[str] = Counter()
    began = time.monotonic()
    for _ in range(waves):
        ended += await wave(target.port, clients, sorts, chance)
    took = time.monotonic() - began
    say(f"crowd     {waves} times {clients} clients in {took:.1f} s")
    for name, count in sorted(ended.items()):
        say(f"  {count:5,} {name}")
    after = await quiet(target, before)
    wrong = [name for name in ended if name.startswith(("wrong", "answered ", "cut"))]
    return report(target, before, after, memory) and not wrong


def report(target: Target, before: dict[str, int], after: dict[str, int], memory_mb: float) -> bool:
    """Print what is held now beside what was before, and say whether that is no more."""
    more = excess(before, after)
    for name, count in after.items():
        say(f"  {name:15} {before.get(name, 0):6} before {count:6} after{' !' * (name in more)}")
    grown = target.memory_mb - memory_mb
    say(f"  {'memory, MB':15} {memory_mb:6.0f} before {target.memory_mb:6.0f} after{' !' * (grown > GROWTH_MB)}")
    log = target.log.read_text(encoding="utf-8", errors="replace")
    say(f"  {'log, lines':15} {log.count(chr(10)):6}{' with a traceback !' * ('Traceback' in log)}")
    if "Traceback" in log:
        say(log[log.index("Traceback") - 300:][:3000])
    return grown <= GROWTH_MB and "Traceback" not in log and not more


def docker_answers() -> bool:
    """Whether there is an engine."""
    return bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True,
                                                               check=False).returncode


async def main(arguments: argparse.Namespace) -> int:
    """Try it all. Returns the exit status."""
    small = SMALL if open_catalogue(load_settings()).locate(SMALL) else None
    docker = await asyncio.to_thread(docker_answers)
    say(f"the small model is {'there' if small else 'not there'}, a Docker engine "
          f"{'answers' if docker else 'does not answer'}")
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        async with serving([small] if small else [], Path(folder)) as target:
            good = await malformed_part(target, arguments.requests, arguments.schemathesis, chance)
            good &= await crowd_part(target, arguments.clients, arguments.waves, chance, small, docker)
    say("it holds" if good else "something does not hold")
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--waves", type=int, default=3)
    parser.add_argument("--schemathesis", type=int, default=0, metavar="EXAMPLES")
    parser.add_argument("--seed", type=int, default=0)
    sys.exit(asyncio.run(main(parser.parse_args())))
