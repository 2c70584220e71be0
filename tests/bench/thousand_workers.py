"""The driver of a batch over workers that are simulated: `python -m tests.bench.thousand_workers [--workers 1000]`.

The real driver, output file and limits; the workers are events in simulated time. They take ten simulated seconds for
a job and some a hundred, die under one job in a hundred, answer twice, and answer after they were given up. What is
measured in real time is the driver's own: all of it but the simulation's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from agentfix import Settings, Task
from agentfix.batch import Batch, BatchTask, Limits
from tests.simulated import SimulatedEngine

LETTERS = 3000
"""Of an answer: a line of the output then has about as many as that of a run with three attempts."""
PLACES = 4


async def through(tasks: int, engine: SimulatedEngine, limits: Limits, folder: Path) -> dict[str, float]:
    """Run a batch, and check that each result is there once."""
    settings = Settings(data_dir=folder)
    asked = [BatchTask(f"t{number}", Task(f"Question {number}")) for number in range(tasks)]
    output = folder / "results.jsonl"
    before = time.perf_counter()
    with Batch(asked, settings, output=output, limits=limits) as batch:
        began = time.perf_counter()
        async with aclosing(batch.run(engine)) as lines:
            async for _ in lines:
                pass
        took = time.perf_counter() - began - engine.own_s
        done, tokens = batch.tally.done, batch.tally.usage.tokens
    names = [json.loads(text)["id"] for text in output.read_text(encoding="utf-8").splitlines()]
    assert len(names) == len(set(names)) == done, "a result is there twice"
    return {"tasks": tasks, "results": done, "twice": len(names) - len(set(names)), "tokens": tokens,
            "workers lost": engine.losses, "handed out": engine.handed, "simulated s": engine.now_s,
            "lost to dead workers, %": 100 * engine.lost_s / (engine.lost_s + engine.busy_s),
            "reading tasks, us each": 1e6 * (began - before) / tasks, "driver, us each": 1e6 * took / done}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    def run(dying: float, limits: Limits = Limits()) -> dict[str, float]:
        engine = SimulatedEngine(arguments.workers, random.Random(arguments.seed), PLACES, dying=dying, twice=0.01,
                                 letters=LETTERS)
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(through(arguments.tasks, engine, limits, Path(folder)))

    limit = arguments.tasks * 50
    columns = {"all live": run(0.0), "1 % die": run(0.01), "limit of half": run(0.01, Limits(max_tokens=limit))}
    sys.stdout.write(f"{arguments.workers:,} simulated workers with {PLACES} places\n\n{'':26}"
                     + "".join(f"{name:>16}" for name in columns) + "\n")
    for name in columns["all live"]:
        sys.stdout.write(f"{name:26}" + "".join(f"{column[name]:>16,.1f}" for column in columns.values()) + "\n")
    over = columns["limit of half"]["tokens"] - limit
    per_s = 1e6 / columns["1 % die"]["driver, us each"]
    sys.stdout.write(f"\nThe limit of {limit:,} tokens was passed by {over:,.0f}: what was under way.\n"
                     f"The driver hands out and writes {per_s:,.0f} tasks/s. It is the bottleneck from\n")
    for task_s in (1, 10, 60):
        sys.stdout.write(f"{per_s * task_s / PLACES:>12,.0f} workers, where a task takes {task_s} s\n")


if __name__ == "__main__":
    main()
