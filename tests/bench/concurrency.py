"""Many runs in one process against a slow endpoint: `python -m tests.bench.concurrency [--runs 200] [--json]`.

The same nodes and the same SDK calls are made twice: by agentfix with its journal in a file, and by a bare LangGraph
loop with its SQLite saver. Both in this run, on this machine, one after the other and twice, so that the ratio is what
counts. Memory is the growth of the process while the runs go on, divided by their number. `--profile` says instead
whose code takes the processor's time of agentfix's runs: see tests/bench/shares.py.
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
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from openai import AsyncOpenAI

from agentfix import Agent, Settings
from agentfix.plugins import Plugins
from tests.bench.endpoint import endpoint
from tests.bench.loops import QUESTION, Parts, State, bare, first
from tests.bench.shares import sampled

ROUNDS = 5
DELAY_MS = 50


async def ours(url: str, runs: int, folder: Path) -> float:
    """Seconds for all runs by agentfix."""
    settings = Settings(model=f"openai:m@{url}", kind="text", strategy=f"rounds:{ROUNDS}", sandbox="embedded",
                        data_dir=folder)
    async with Agent(settings, Plugins(settings, {"parts": Parts(looks=False)})) as agent:
        await agent.arun(QUESTION)  # loads everything
        began = time.perf_counter()
        results = await asyncio.gather(*(agent.arun(QUESTION) for _ in range(runs)))
        took = time.perf_counter() - began
    assert all(len(r.attempts) == ROUNDS for r in results)
    return took


async def langgraph(url: str, runs: int, folder: Path) -> float:
    """Seconds for all runs by the same nodes without agentfix."""
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client, \
            AsyncSqliteSaver.from_conn_string(f"{folder}.checkpoints") as saver:

        async def actor(state: State) -> str:
            messages: Any = state["messages"] or [{"role": "user", "content": QUESTION}]
            reply = await client.chat.completions.create(model="m", messages=messages, max_tokens=512, temperature=0)
            return reply.choices[0].message.content or ""

        machine = bare(actor, saver, looks=False)

        async def run(number: int) -> Any:
            return await machine.ainvoke(first(ROUNDS), {"configurable": {"thread_id": str(number)}})

        await run(-1)
        began = time.perf_counter()
        results = await asyncio.gather(*(run(n) for n in range(runs)))
        took = time.perf_counter() - began
    assert all(r["attempts"] == ROUNDS for r in results)
    return took


def resident_bytes() -> int:
    """This process's resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


async def measure(runs: int) -> dict[str, float]:
    """Seconds of both, their ratio, and memory per run."""
    times: dict[str, float] = {}
    memory = 0.0
    loops: list[tuple[str, Callable[[str, int, Path], Awaitable[float]]]] = [("agentfix", ours), ("bare", langgraph)]
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


async def profile(runs: int) -> dict[str, float]:
    """The share of each part in the processor's time of agentfix's runs."""
    with tempfile.TemporaryDirectory() as folder, endpoint(DELAY_MS) as url:
        await ours(url, 1, Path(folder) / "first")  # loads everything
        with sampled() as counted:
            await ours(url, runs, Path(folder) / "runs")
    return {name: count / counted.total() for name, count in counted.most_common()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    figures = asyncio.run((profile if arguments.profile else measure)(arguments.runs))
    lines = [f"{name:16} {value:.3f}" for name, value in figures.items()]
    sys.stdout.write(f"{json.dumps(figures)}\n" if arguments.json else "\n".join([*lines, ""]))
