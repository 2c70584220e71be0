"""A batch in one process and in two that Ray keeps: `python -m tests.bench.batch_engines [--tasks 400] [--json]`.

Both ask the same endpoint, which answers after 50 ms, with the same number of runs at once, one after the other and
twice; the journal is one file in both. The rate is that between the first tenth of the results and the last: starting
is told apart. And what a call of one of Ray's workers costs the driver, when the worker has nothing to do for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import ray

from agentfix import Settings, Task
from agentfix.batch import Batch, BatchTask, Engine, LocalEngine
from agentfix.batch.ray import RayEngine
from tests.bench.endpoint import endpoint

DELAY_MS = 50
AT_ONCE = 32
WORKERS = 2
CALLS = 3000
CALLS_AT_ONCE = 64


async def rate(tasks: int, settings: Settings, engine: Engine) -> tuple[float, float]:
    """Tasks a second, and seconds until the first result."""
    asked = [BatchTask(f"t{number}", Task(f"Question {number}?", "text")) for number in range(tasks)]
    began, times = time.perf_counter(), list[float]()
    with Batch(asked, settings, output=settings.data_dir / "results.jsonl") as batch:
        async with aclosing(batch.run(engine)) as lines:
            async for _ in lines:
                times.append(time.perf_counter())
        assert batch.tally.answered == tasks
    skipped = tasks // 10
    return (tasks - 2 * skipped) / (times[-1 - skipped] - times[skipped]), times[0] - began


class Echo:
    """A worker with nothing to do."""

    async def answer(self, job: object) -> dict[str, object]:
        return {"id": "t", "answer": "x" * 3000}


async def calls_per_s() -> float:
    """Of an actor like those of the engine."""
    actor = ray.remote(Echo).options(num_cpus=1, max_concurrency=CALLS_AT_ONCE).remote()
    job = BatchTask("t", Task("Question 1?"))
    await actor.answer.remote(job)
    numbers = iter(range(CALLS))

    async def ask() -> None:
        for _ in numbers:
            await actor.answer.remote(job)

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(CALLS_AT_ONCE)))
    return CALLS / (time.perf_counter() - began)


def measure(tasks: int) -> dict[str, float]:
    """Both rates, their ratio, and the rest."""
    rates, starts = {"local": 0.0, "ray": 0.0}, {"local": 1e9, "ray": 1e9}
    with tempfile.TemporaryDirectory() as folder, endpoint(DELAY_MS) as url:
        for turn in range(2):
            for name in rates:
                place = Path(folder) / f"{name}{turn}"
                place.mkdir()
                settings = Settings(model=f"openai:m@{url}", sandbox="embedded", data_dir=place)
                engine = (LocalEngine(settings, concurrency=AT_ONCE) if name == "local" else
                          RayEngine(settings, workers=WORKERS, concurrency=AT_ONCE // WORKERS))
                per_s, start_s = asyncio.run(rate(tasks, settings, engine))
                rates[name], starts[name] = max(rates[name], per_s), min(starts[name], start_s)
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        calls = asyncio.run(calls_per_s())
        ray.shutdown()
    return {"local, tasks/s": rates["local"], "ray, tasks/s": rates["ray"], "ratio": rates["ray"] / rates["local"],
            "local, first result after s": starts["local"], "ray, first result after s": starts["ray"],
            "calls of Ray's workers/s": calls}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.tasks)
    lines = [f"{name:30} {value:.2f}" for name, value in figures.items()]
    sys.stdout.write(f"{json.dumps(figures)}\n" if arguments.json else "\n".join([*lines, ""]))
