"""Kills processes that have boxes: `python -m tests.sandbox.dying STATE TIMES IMAGE`.

A process of its own, so that what is forked is small and has one thread. STATE is one of `STATES`, or `starting`. It
prints one JSON object: for each process that was killed, how many containers it had and how many seconds later there
was none; and, as the pace of this engine at this hour, how many seconds it takes to remove one at once, the longest.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable

from agentfix import Limits, Session
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.container import Container
from agentfix.sandbox.docker.engine import Engine, open_engine
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.owners import this_owner

LIMITS = Limits(timeout_s=300)
LOOP = "print('begun')\nwhile True: pass"
AT_WORK_S = 0.2
"""Each is killed at a random moment of its first so many seconds in the state."""
GIVE_UP_S = 30.0


async def idle(session: Session, ready: Callable[[], None]) -> None:
    """A program has ended, and none runs."""
    await session.exec("print(1)", LIMITS)
    ready()
    await asyncio.Event().wait()


async def busy(session: Session, ready: Callable[[], None]) -> None:
    """A program runs."""
    await session.exec(LOOP, LIMITS, on_output=lambda stream, text: ready())


async def printing(session: Session, ready: Callable[[], None]) -> None:
    """Programs print as much as they can."""
    while True:
        await session.exec("while True: print('x' * 10_000)", LIMITS, on_output=lambda stream, text: ready())


async def cell(session: Session, ready: Callable[[], None]) -> None:
    """A session holds variables, and a cell runs."""
    await session.exec("x = 1", LIMITS, stateful=True)
    await session.exec(LOOP, LIMITS, stateful=True, on_output=lambda stream, text: ready())


async def upload(session: Session, ready: Callable[[], None]) -> None:
    """A large file is on its way into a box."""
    await session.exec("x = 1", LIMITS, stateful=True)
    ready()
    while True:
        await session.put("large", os.urandom(1) * 16_000_000)


STATES = {each.__name__: each for each in (idle, busy, printing, cell, upload)}
STARTING = "starting"


def become_victim(state: str, image: str, pipe: int) -> None:
    """Get into a state, say so, and stay there."""

    async def live() -> None:
        # With a second place, a box would be started in the background in any state.
        session = await DockerSandbox(image, max_boxes=1).open()
        if state == STARTING:
            os.write(pipe, b"x")
        await STATES.get(state, idle)(session, lambda: os.write(pipe, b"x"))

    asyncio.run(live())


def kill_one(state: str, image: str, after_s: float) -> str:
    """Let a process get into a state, and kill it. Returns how its containers are labelled."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            os.write(writing, this_owner().encode() + b"\n")
            become_victim(state, image, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        owner = pipe.readline().decode().strip()
        assert pipe.read(1), "it ended before it was in that state"
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return owner


def count(engine: Engine, owner: str) -> int:
    return sum(each.owner == owner for each in engine.containers())


def gone_after(engine: Engine, owner: str, *, sweep: bool) -> tuple[int, float | None]:
    """How many containers an owner has, and how many seconds it takes until there is none.

    Args:
        engine: where they are.
        owner: how they are labelled.
        sweep: remove those of dead owners meanwhile: one that was never started does not end by itself.
    """
    began = time.monotonic()
    first = left = count(engine, owner)
    while left and time.monotonic() - began < GIVE_UP_S:
        if sweep:
            engine.sweep()
        left = count(engine, owner)
    return first, None if left else time.monotonic() - began


def removal_s(engine: Engine, image: str) -> float:
    """How long the engine takes to remove a container when it is told to."""
    container = Container.start(engine, BoxKind.of(image, LIMITS, (), ""))
    began = time.monotonic()
    engine.remove(container.id)
    took = time.monotonic() - began
    container.hang_up()
    return took


def main(state: str, times: int, image: str) -> None:
    chance = random.Random(state)
    report: list[tuple[int, float | None]] = []
    paces: list[float] = []
    with open_engine() as engine:
        for _ in range(times):
            owner = kill_one(state, image, chance.uniform(0, AT_WORK_S))
            report.append(gone_after(engine, owner, sweep=state == STARTING))
            paces.append(removal_s(engine, image))
    sys.stdout.write(json.dumps({"killed": report, "removal_s": max(paces)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
