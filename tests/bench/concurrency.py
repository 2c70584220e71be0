"""Many runs in one process against a slow endpoint: `python -m tests.bench.concurrency [--runs 200] [--json]`.

The same nodes and the same SDK calls are made twice: by agentfix with its journal in a file, and by a bare LangGraph
loop with its SQLite saver. Both in this run, on this machine, one after the other and twice, so that the ratio is what
counts. Memory is the growth of the process while the runs go on, divided by their number.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from openai import AsyncOpenAI

from agentfix import Agent, Critique, Expand, Review, Settings, Stop, hookimpl
from agentfix.plugins import Plugins
from tests.bench.endpoint import endpoint

ROUNDS = 5
DELAY_MS = 50
QUESTION = "Say what a journal is good for."


class Rounds:
    """Reviews each attempt and revises it, five times."""

    name = "rounds"

    def decide(self, tree: Any, budget: Any, memory: Any, seed: int) -> list[Any]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1].id
        if not tree.reviewed(last):
            return [Review((last,), ("dislike",))]
        return [Stop("enough")] if last + 1 == ROUNDS else [Expand(parent=last, guidance="Once more.")]


class Dislike:
    """A critic that wants more."""

    name = "dislike"

    async def review(self, task: Any, attempts: Any, context: Any) -> list[Critique]:
        return [Critique(a.id, self.name, "revise", "Once more.") for a in attempts]


class Parts:
    """Registers both."""

    @hookimpl
    def agentfix_register_critics(self, register: Any) -> None:
        register("dislike", lambda build: Dislike())

    @hookimpl
    def agentfix_register_strategies(self, register: Any) -> None:
        register("rounds", lambda build: Rounds())


async def ours(url: str, runs: int, folder: Path) -> float:
    """Seconds for all runs by agentfix."""
    settings = Settings(model=f"openai:m@{url}", kind="text", strategy="rounds", sandbox="embedded", data_dir=folder)
    async with Agent(settings, Plugins(settings, {"parts": Parts()})) as agent:
        await agent.arun(QUESTION)  # loads everything
        began = time.perf_counter()
        results = await asyncio.gather(*(agent.arun(QUESTION) for _ in range(runs)))
        took = time.perf_counter() - began
    assert all(len(r.attempts) == ROUNDS for r in results)
    return took


class State(TypedDict):
    """What the bare loop carries: the last attempt, how many there were, and how many were reviewed."""

    messages: list[dict[str, str]]
    text: str
    attempts: int
    reviewed: int


async def bare(url: str, runs: int, folder: Path) -> float:
    """Seconds for all runs by the same nodes without agentfix."""
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client, \
            AsyncSqliteSaver.from_conn_string(f"{folder}.checkpoints") as saver:

        async def actor(state: State) -> dict[str, Any]:
            messages: Any = state["messages"] or [{"role": "user", "content": QUESTION}]
            reply = await client.chat.completions.create(model="m", messages=messages, max_tokens=512, temperature=0)
            text = reply.choices[0].message.content or ""
            return {"text": text, "attempts": state["attempts"] + 1}

        async def critic(state: State) -> dict[str, Any]:
            messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": state["text"]},
                        {"role": "user", "content": "Once more."}]
            return {"messages": messages, "reviewed": state["attempts"]}

        async def strategy(state: State) -> dict[str, Any]:
            return {}

        graph = StateGraph(State)
        for name, node in (("strategy", strategy), ("actor", actor), ("critic", critic)):
            graph.add_node(name, node)
        graph.add_edge(START, "strategy")
        graph.add_conditional_edges("strategy", _next, ["actor", "critic", END])
        graph.add_edge("actor", "strategy")
        graph.add_edge("critic", "strategy")
        machine = graph.compile(checkpointer=saver)

        async def run(number: int) -> Any:
            first: State = {"messages": [], "text": "", "attempts": 0, "reviewed": 0}
            return await machine.ainvoke(first, {"configurable": {"thread_id": str(number)}})

        await run(-1)
        began = time.perf_counter()
        results = await asyncio.gather(*(run(n) for n in range(runs)))
        took = time.perf_counter() - began
    assert all(r["attempts"] == ROUNDS for r in results)
    return took


def _next(state: State) -> str:
    if state["reviewed"] < state["attempts"]:
        return "critic"
    return END if state["reviewed"] == ROUNDS else "actor"


def resident_bytes() -> int:
    """This process's resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


async def measure(runs: int) -> dict[str, float]:
    """Seconds of both, their ratio, and memory per run."""
    times: dict[str, float] = {}
    memory = 0.0
    loops: list[tuple[str, Callable[[str, int, Path], Awaitable[float]]]] = [("agentfix", ours), ("bare", bare)]
    with tempfile.TemporaryDirectory() as folder, endpoint(DELAY_MS) as url:
        for turn in range(2):
            for name, loop in loops:
                before = resident_bytes()
                took = await loop(url, runs, Path(folder) / f"{name}{turn}")
                times[name] = min(took, times.get(name, took))
                if name == "agentfix" and not turn:
                    memory = max(0.0, (resident_bytes() - before) / runs)
    return {"runs": runs, "rounds": ROUNDS, "agentfix_s": times["agentfix"], "bare_s": times["bare"],
            "ratio": times["agentfix"] / times["bare"], "bytes_per_run": memory}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.runs))
    lines = [f"{name:14} {value:.3f}" for name, value in figures.items()]
    sys.stdout.write(f"{json.dumps(figures)}\n" if arguments.json else "\n".join([*lines, ""]))
