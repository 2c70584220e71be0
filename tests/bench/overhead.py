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
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from agentfix import (
    Agent,
    Attempt,
    Completion,
    Critique,
    Delta,
    Expand,
    ModelRequest,
    Observation,
    Review,
    Settings,
    Stop,
    ToolCall,
    ToolCalls,
    ToolSpec,
    Usage,
    hookimpl,
)
from agentfix.plugins import Plugins

QUESTION = "Say what a journal is good for."
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


class Look:
    """A tool that says the same at once."""

    spec = ToolSpec("look", "Look.", {"type": "object"})

    async def run(self, arguments: Any, context: Any) -> Observation:
        return Observation("look", "ok", "Seen.")


class Dislike:
    """A critic that looks at each attempt and wants more."""

    name = "dislike"

    async def review(self, task: Any, attempts: tuple[Attempt, ...], context: Any) -> Any:
        if not context.asked:
            return ToolCalls((ToolCall("look", {"at": attempts[0].id}),))
        return [Critique(a.id, self.name, "revise", "Once more.") for a in attempts]


class Rounds:
    """Reviews each attempt and revises it, so many times."""

    name = "rounds"

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def decide(self, tree: Any, budget: Any, memory: Any, seed: int) -> list[Any]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1].id
        if not tree.reviewed(last):
            return [Review((last,), ("dislike",))]
        return [Stop("enough")] if last + 1 == self._rounds else [Expand(parent=last, guidance="Once more.")]


class Parts:
    """Registers them."""

    @hookimpl
    def agentfix_register_models(self, register: Any) -> None:
        register("instant", lambda build: Instant())

    @hookimpl
    def agentfix_register_tools(self, register: Any) -> None:
        register("look", lambda build: Look())

    @hookimpl
    def agentfix_register_critics(self, register: Any) -> None:
        register("dislike", lambda build: Dislike())

    @hookimpl
    def agentfix_register_strategies(self, register: Any) -> None:
        register("rounds", lambda build: Rounds(int(build.argument)))


def opened(folder: Path) -> Agent:
    """An agent whose journal is in that folder."""
    settings = Settings(model="instant:", kind="text", sandbox="embedded", data_dir=folder, memory=False,
                        max_rounds=100_000, max_tool_calls=100_000)
    return Agent(settings, Plugins(settings, {"parts": Parts()}))


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


class State(TypedDict):
    """What the bare loop carries."""

    messages: list[dict[str, str]]
    text: str
    attempts: int
    reviewed: int
    seen: int


class Bare:
    """The same nodes without agentfix.

    Args:
        folder: where its checkpoints are.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = SqliteSaver.from_conn_string(str(folder / "checkpoints"))
        self._threads = 0

    def __enter__(self) -> Bare:
        graph = StateGraph(State)
        for name, node in (("strategy", _strategy), ("actor", _actor), ("critic", _critic), ("tools", _tools)):
            graph.add_node(name, node)
        graph.add_edge(START, "strategy")
        graph.add_conditional_edges("strategy", self._next, ["actor", "critic", END])
        graph.add_edge("actor", "strategy")
        graph.add_conditional_edges("critic", _after_critic, ["tools", "strategy"])
        graph.add_edge("tools", "critic")
        self._machine = graph.compile(checkpointer=self._kept.__enter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self._kept.__exit__(*error)

    def run(self, rounds: int) -> Took:
        """What a round of a run takes."""
        self._threads, self._rounds = self._threads + 1, rounds
        first: State = {"messages": [], "text": "", "attempts": 0, "reviewed": 0, "seen": 0}
        began = _now()
        self._machine.invoke(first, {"configurable": {"thread_id": str(self._threads)}, "recursion_limit": 10**6})
        return _since(began, rounds)

    def _next(self, state: State) -> str:
        if state["reviewed"] < state["attempts"]:
            return "critic"
        return END if state["reviewed"] == self._rounds else "actor"


def _strategy(state: State) -> dict[str, Any]:
    return {}


def _actor(state: State) -> dict[str, Any]:
    return {"text": TEXT, "attempts": state["attempts"] + 1}


def _critic(state: State) -> dict[str, Any]:
    if state["seen"] < state["attempts"]:
        return {}
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": state["text"]},
                {"role": "user", "content": "Once more."}]
    return {"messages": messages, "reviewed": state["attempts"]}


def _tools(state: State) -> dict[str, Any]:
    return {"seen": state["attempts"]}


def _after_critic(state: State) -> str:
    return "tools" if state["seen"] < state["attempts"] else "strategy"


async def measure(rounds: int, runs: int) -> dict[str, Took]:
    """Medians: of turns for a round of a long run, and of all runs for a short one."""
    per_round: dict[str, list[Took]] = {"agentfix": [], "bare": []}
    per_run: dict[str, list[Took]] = {"none": [], "agentfix": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder, Bare(Path(folder)) as bare:
        async with opened(Path(folder)) as agent:
            await ours(agent, "rounds:1")  # loads everything
            bare.run(1)
            for _ in range(TURNS):
                per_round["agentfix"].append(await ours(agent, f"rounds:{rounds}", rounds))
                per_round["bare"].append(bare.run(rounds))
            for _ in range(runs):
                per_run["none"].append(await ours(agent, "none"))
                per_run["agentfix"].append(await ours(agent, "rounds:1"))
                per_run["bare"].append(bare.run(1))
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
