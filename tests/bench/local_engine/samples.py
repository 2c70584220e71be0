"""Many samples of one prefix: together, one after another, and by a loop written for nothing else."""

from __future__ import annotations

import random
import time
from pathlib import Path

from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.scheduler import Scheduler
from agentfix.types import Sampling
from tests.bench.local_engine.common import CONTEXT, Part, best, greedy
from tests.bench.sandbox.targets import Target

PREFIX, N, TOKENS = 600, 16, 48
PORTS, GOODS = ("Malmo", "Cadiz", "Odessa", "Bergen", "Tunis"), ("pears", "barley", "copper", "wool", "salt", "timber")


def prefix(chance: random.Random) -> str:
    """A text that does not say the same thing twice, so that a sample alone gains nothing by guessing from it."""
    return " ".join(f"On day {day} the {chance.choice(PORTS)} ship brought {chance.randint(2, 999)} crates of "
                    f"{chance.choice(GOODS)} and took {chance.randint(2, 999)} of {chance.choice(GOODS)} away."
                    for day in range(1, 60)) + "\nWhat the harbour master thought of all this:"


def by_us(llama: Llama, prompt: list[int], many: int, times: int) -> float:
    """Seconds a token, once the prompt is read."""
    llama.forget_all()
    scheduler, written = Scheduler(llama), 0
    _finish(scheduler, Generation(prompt, greedy(1)))
    began = time.perf_counter()
    for turn in range(times):
        asked = Generation(prompt, Sampling(temperature=1.0, seed=turn, max_tokens=TOKENS), many)
        _finish(scheduler, asked)
        written += sum(c.usage.completion_tokens for c in asked.future.result(0))
    return (time.perf_counter() - began) / written


def by_a_loop(llama: Llama, prompt: list[int]) -> float:
    """The same by a bare loop over `llama_decode`."""
    llama.forget_all()
    last = len(prompt) - 1
    for start in range(0, last, 512):
        part = prompt[start:min(start + 512, last)]
        llama.decode([Row(token, start + i, 0, False) for i, token in enumerate(part)])
    samplers = [llama.sampler(Sampling(temperature=1.0), i, None) for i in range(N)]
    for sequence in range(1, N + 1):
        llama.copy(0, sequence, last)
    fed = [prompt[last]] * N
    began = time.perf_counter()
    for step in range(TOKENS):
        llama.decode([Row(token, last + step, i + 1, True) for i, token in enumerate(fed)])
        fed = [llama.draw(sampler, i) or prompt[0] for i, sampler in enumerate(samplers)]
    took = time.perf_counter() - began
    for sampler in samplers:
        llama.free_sampler(sampler)
    return took / (N * TOKENS)


def measure(path: Path, times: int) -> Part:
    llama = Llama(path, context_tokens=CONTEXT)
    prompt = llama.tokenize(prefix(random.Random(0)), special=False)[-PREFIX:]
    one = 1 / best(lambda: by_us(llama, prompt, 1, 2), times)
    together = 1 / best(lambda: by_us(llama, prompt, N, 1), times)
    loop = 1 / best(lambda: by_a_loop(llama, prompt), times)
    llama.close()
    return Part({f"{N} samples of one prefix, tokens/s": {
        "one after another": one, "together": together, "a bare llama_decode loop": loop}},
        [Target("samples: together / one after another", together / one, "at least", 2.5),
         Target("samples: together / bare loop", together / loop, "at least", 0.9)])


def _finish(scheduler: Scheduler, asked: Generation) -> None:
    scheduler.add(asked)
    while not scheduler.idle:
        scheduler.step()
