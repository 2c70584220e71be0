"""Many requests of mixed length at once, half of which are cancelled in a second turn."""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import time
from pathlib import Path

from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.types import Message, ModelRequest, Sampling
from tests.bench.local_engine.common import Part, model_of
from tests.bench.sandbox.targets import Target

REQUESTS = 64


async def one(model: LlamaCppModel, chance: random.Random) -> tuple[float, float, int]:
    """Seconds to the first token, seconds for each one after it, and how many there were."""
    words = " ".join(chance.choice(("sea", "wind", "stone", "light")) for _ in range(chance.randint(5, 200)))
    heard = list[float]()
    began = time.perf_counter()
    completion, = await model.generate(
        ModelRequest((Message("user", f"{words}\nGo on with these words for ever."),),
                     Sampling(temperature=1.0, seed=chance.randint(0, 9999), max_tokens=chance.randint(16, 96))),
        on_delta=lambda _: heard.append(time.perf_counter()))
    tokens = completion.usage.completion_tokens
    return heard[0] - began, (heard[-1] - heard[0]) / max(1, len(heard) - 1), tokens


async def measure(path: Path) -> Part:
    model, chance = model_of(path), random.Random(0)
    await model.generate(ModelRequest((Message("user", "Hello."),), Sampling(max_tokens=1)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    ended = await asyncio.gather(*(one(model, random.Random(chance.random())) for _ in range(REQUESTS)))
    took = time.perf_counter() - began
    waits, paces, tokens = zip(*ended, strict=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    tasks = [asyncio.create_task(one(model, random.Random(chance.random()))) for _ in range(REQUESTS)]
    for number, task in enumerate(chance.sample(tasks, REQUESTS)):
        if number % 2:
            await asyncio.sleep(0.05)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    wrong = [each for each in results if isinstance(each, Exception)]
    await model.aclose()
    return Part({f"{REQUESTS} requests at once": {
        "ended": len(ended), "tokens/s": sum(tokens) / took, "median s to the first token": statistics.median(waits),
        "longest": max(waits), "median ms a token": 1000 * statistics.median(paces), "slowest": 1000 * max(paces),
        "MB of memory more": grown / 1024, "failed when half were cancelled": len(wrong)}},
        [Target("crowd: slowest time per token / median", max(paces) / statistics.median(paces), "at most", 2)])
