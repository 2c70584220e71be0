"""What the framework costs where model and tools cost nothing: `python -m tests.bench.overhead [--rounds 100]`.

The same nodes (strategy, actor, critic, and a tool that the critic calls) are run by agentfix with its journal in a
file, and by a bare LangGraph loop with its SQLite saver, in turns and in one process, so that the difference is what
counts. Printed are milliseconds by the clock and of the processor: per round of a long run, and per run of one round.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver

from agentfix import Agent, Completion, Delta, ModelRequest, Settings, Usage, hookimpl
from agentfix.plugins import Plugins
from tests.bench.loops import QUESTION, Parts, bare, first

TEXT = "The answer, in a sentence or two. " * 8
TURNS = 3
Took = tuple[float, float]
"""Milliseconds, by the clock and of the processor."""


class Instant:
    """A model that says the same at once."""

    name = "instant"

    async def generate(self, request: ModelRequest, *,
                       on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        return [Completion(TEXT, usage=Usage(prompt_tokens=100, completion_tokens=64))] * request.n

    async def aclose(self) -> None:
        pass


class Models:
    """Registers it."""

    @hookimpl
    def agentfix_register_models(self, register: Any) -> None:
        register("instant", lambda build: Instant())


def opened(folder: Path) -> Agent:
    """An agent whose journal is in that folder."""
    settings = Settings(model="instant:", kind="text", sandbox="embedded", data_dir=folder, memory=False,
                        max_rounds=100_000, max_tool_calls=100_000)
    return Agent(settings, Plugins(settings, {"instant": Models(), "parts": Parts(looks=True)}))


def _now() -> Took:
    return time.perf_counter() * 1000, time.process_time() * 1000


def _since(began: Took, count: int = 1) -> Took:
    now = _now()
    return (now[0] - began[0]) / count, (now[1] - began[1]) / count


async def ours(agent: Agent, strategy: str, rounds: int = 1) -> Took:
    """What a round of a run takes."""
    began = _now()
    await agent.arun(QUESTION, strategy=strategy)
    return _since(began, rounds)


class Bare:
    """The same nodes without agentfix.

    Args:
        folder: where its checkpoints are.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = SqliteSaver.from_conn_string(str(folder / "checkpoints"))
        self._threads = 0

    def __enter__(self) -> Bare:
        self._machine = bare(lambda state: TEXT, self._kept.__enter__(), looks=True)
        return self

    def __exit__(self, *error: Any) -> None:
        self._kept.__exit__(*error)

    def run(self, rounds: int) -> Took:
        """What a round of a run takes."""
        self._threads += 1
        began = _now()
        self._machine.invoke(first(rounds), {"configurable": {"thread_id": str(self._threads)},
                                             "recursion_limit": 10**6})
        return _since(began, rounds)


async def measure(rounds: int, runs: int) -> dict[str, Took]:
    """Medians: of turns for a round of a long run, and of all runs for a short one."""
    per_round: dict[str, list[Took]] = {"agentfix": [], "bare": []}
    per_run: dict[str, list[Took]] = {"none": [], "agentfix": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder, Bare(Path(folder)) as other:
        async with opened(Path(folder)) as agent:
            await ours(agent, "rounds:1")  # loads everything
            other.run(1)
            for _ in range(TURNS):
                per_round["agentfix"].append(await ours(agent, f"rounds:{rounds}", rounds))
                per_round["bare"].append(other.run(rounds))
            for _ in range(runs):
                per_run["none"].append(await ours(agent, "none"))
                per_run["agentfix"].append(await ours(agent, "rounds:1"))
                per_run["bare"].append(other.run(1))
    return {**{f"round, {name}": _median(each) for name, each in per_round.items()},
            **{f"run of 1 round, {name}": _median(each) for name, each in per_run.items()}}


def _median(took: list[Took]) -> Took:
    return statistics.median(wall for wall, _ in took), statistics.median(cpu for _, cpu in took)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    sys.stdout.write(f"{'milliseconds':26} {'clock':>7} {'processor':>9}\n")
    for what, (wall, cpu) in asyncio.run(measure(arguments.rounds, arguments.runs)).items():
        sys.stdout.write(f"{what:26} {wall:7.2f} {cpu:9.2f}\n")
