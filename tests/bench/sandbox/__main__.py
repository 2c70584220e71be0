"""What a program costs in each sandbox: `python -m tests.bench.sandbox [--image NAME] [--environments DIR] [--json]`.

Ours, those of smolagents, AutoGen and llm-sandbox on an image that stands on ours, and `python3 -c`, all in this run
and by turns, so that they meet the same machine and the ratios are what counts. Every time is from the call to its
result, in a box that is warm. The first run makes the environments of the others (about 250 MB) and their image; one
that can't be had is named, with the reason, and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import docker
import platformdirs
import pydantic_monty as monty

from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.embedded import EmbeddedSandbox
from tests.bench.sandbox.contestants import BareMonty, BlockingMonty, Cell, Contestant, HostPython, Ours, opened
from tests.bench.sandbox.environments import PEERS, Peer, PeerError, peers_image, python_with
from tests.bench.sandbox.targets import Target, show

PRINT: Cell = ("print(1+1)", "2")
SYMPY: Cell = ("import sympy\nprint(sympy.sqrt(4))", "2")
ROUNDS = 8
AT_ONCE = 2000
"""Programs that are started together for the throughput."""
OURS, PREIMPORTED, HOST = "docker", "docker, preimported", "python3 -c"
EMBEDDED, BARE, BLOCKING = "embedded", "Monty", "Monty, blocking the loop"

Figures = dict[str, float]


async def by_turns(contestants: Mapping[str, Contestant], cells: Sequence[Cell]) -> Figures:
    """The median milliseconds of a cell for each, after one round that does not count.

    Args:
        cells: what one round runs, for each.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(ROUNDS + 1):
        for name, contestant in contestants.items():
            times = await contestant.time(cells)
            taken[name] += times if number else []
    return {name: median(times) for name, times in taken.items()}


async def cells_by_turns(contestants: Mapping[str, Contestant]) -> Figures:
    """The same for cells that use a variable of the cell before."""
    for contestant in contestants.values():
        await contestant.time([("total = 0\nprint(total)", "0")])
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(ROUNDS):
        cells = [("total += 1\nprint(total)", str(5 * number + each + 1)) for each in range(5)]
        for name, contestant in contestants.items():
            taken[name] += await contestant.time(cells)
    return {name: median(times) for name, times in taken.items()}


async def per_second(image: str, max_boxes: int) -> float:
    """Executions in a second when many are wanted at once, all from this loop."""
    sandbox = DockerSandbox(image, max_boxes=max_boxes)
    session = await sandbox.open()
    try:
        await asyncio.gather(*(session.exec(PRINT[0]) for _ in range(20 * max_boxes)))  # starts the boxes
        began = time.perf_counter()
        results = await asyncio.gather(*(session.exec(PRINT[0]) for _ in range(AT_ONCE)))
        took = time.perf_counter() - began
    finally:
        await session.aclose()
        await sandbox.aclose()
    assert all(result.stdout == "2\n" for result in results)
    return AT_ONCE / took


async def measure(image: str, environments: Path) -> dict[str, Any]:
    """All figures."""
    skipped: dict[str, str] = {}
    setup: Figures = {}
    async with AsyncExitStack() as stack:
        others = await _open_others(stack, image, environments, setup, skipped)
        sandbox = DockerSandbox(image)
        stack.push_async_callback(sandbox.aclose)
        began = time.perf_counter()
        session = await sandbox.open()
        stack.push_async_callback(session.aclose)
        await session.exec(PRINT[0])
        setup[OURS] = 1000 * (time.perf_counter() - began)
        fresh = {peer.name: other for peer, other in others.items()}
        keeping = {peer.name: other for peer, other in others.items() if peer.keeps_variables}
        importing = {peer.name: other for peer, other in others.items() if not peer.keeps_variables}
        ours = Ours(session)
        printed = await by_turns({HOST: HostPython(), OURS: ours, **fresh}, [PRINT] * 5)
        imported = await by_turns({PREIMPORTED: ours, **importing}, [SYMPY] * 3)
        kept = await cells_by_turns({OURS: Ours(session, stateful=True), **keeping})
    return {"setup_ms": setup, "print(1+1), ms": printed, "import sympy, ms": imported, "cell, ms": kept,
            "print(1+1), Monty, ms": await _measure_embedded(),
            "executions/s": {f"{boxes} boxes": await per_second(image, boxes) for boxes in (2, 3)},
            "skipped": skipped}


async def _open_others(stack: AsyncExitStack, image: str, environments: Path, setup: Figures,
                       skipped: dict[str, str]) -> dict[Peer, Contestant]:
    others: dict[Peer, Contestant] = {}
    for peer in PEERS:
        try:
            base = await asyncio.to_thread(peers_image, docker.from_env(), image)
            python = await asyncio.to_thread(python_with, peer.requirement, environments)
            others[peer], setup[peer.name] = await stack.enter_async_context(opened(peer, python, base))
        except PeerError as error:
            skipped[peer.name] = str(error)
    return others


async def _measure_embedded() -> Figures:
    session = await EmbeddedSandbox().open()
    try:
        with monty.Monty() as blocking:
            async with monty.AsyncMonty() as pool:
                return await by_turns({BLOCKING: BlockingMonty(blocking), BARE: BareMonty(pool),
                                       EMBEDDED: Ours(session)}, [PRINT] * 25)
    finally:
        await session.aclose()


def targets(figures: Mapping[str, Any]) -> list[Target]:
    """What the figures ought to be."""
    printed, imported, kept = (figures[name] for name in ("print(1+1), ms", "import sympy, ms", "cell, ms"))
    embedded = figures["print(1+1), Monty, ms"]
    found = [Target("print(1+1): docker / python3 -c", printed[OURS] / printed[HOST], "at most", 0.6)]
    for peer in PEERS:
        floor = 25 if "llm-sandbox" in peer.name else 8
        found.append(Target(f"print(1+1): {peer.name} / docker", _ratio(printed, peer.name, OURS), "at least", floor))
    found.append(Target("import sympy: docker, preimported", imported[PREIMPORTED], "at most", 20, "ms"))
    found += [Target(f"import sympy: {peer.name} / docker", _ratio(imported, peer.name, PREIMPORTED), "at least", 20)
              for peer in PEERS if not peer.keeps_variables]
    found += [Target(f"cell with rollback: {peer.name} / docker", _ratio(kept, peer.name, OURS), "at least", 8)
              for peer in PEERS if peer.keeps_variables]
    most = max(figures["executions/s"].values())
    found.append(Target(f"executions on {os.cpu_count()} cores", most, "at least", 250, "/s"))
    found.append(Target("print(1+1): embedded / Monty", embedded[EMBEDDED] / embedded[BARE], "at most", 2))
    return found


def _ratio(figures: Figures, name: str, other: str) -> float | None:
    return figures[name] / figures[other] if name in figures else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", default="agentfix-python")
    parser.add_argument("--environments", type=Path, default=platformdirs.user_cache_path("agentfix") / "bench")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    all_figures = {"load": load, **asyncio.run(measure(arguments.image, arguments.environments))}
    show(all_figures, targets(all_figures), arguments.json)
