"""How much of a decode step is not spent in llama.cpp."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp

from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.scheduler import Scheduler
from agentfix.types import Sampling
from tests.bench.local_engine.common import CONTEXT, Part
from tests.bench.sandbox.targets import Target

STEPS = 64
CALLS = ("llama_decode", "llama_sampler_sample", "llama_token_to_piece", "llama_memory_seq_cp", "llama_memory_seq_rm",
         "llama_vocab_is_eog")


class Clock:
    """Counts the seconds within functions."""

    seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


@contextmanager
def within_llama_cpp() -> Generator[Clock]:
    clock, functions = Clock(), {name: getattr(llama_cpp, name) for name in CALLS}
    for name, function in functions.items():
        setattr(llama_cpp, name, clock.around(function))
    try:
        yield clock
    finally:
        for name, function in functions.items():
            setattr(llama_cpp, name, function)


def share(llama: Llama, n: int) -> float:
    """The share of a step's time that is not llama.cpp's, while n samples are written."""
    scheduler = Scheduler(llama)
    llama.forget_all()
    prompt = llama.tokenize("Once upon a time there was a lighthouse keeper who", special=False)
    asked = Generation(prompt, Sampling(temperature=1.0, max_tokens=STEPS), n)
    scheduler.add(asked)
    scheduler.step()
    scheduler.step()
    with within_llama_cpp() as clock:
        began = time.perf_counter()
        for _ in range(STEPS // 2):
            scheduler.step()
        took = time.perf_counter() - began
    asked.future.cancel()
    scheduler.step()
    llama.forget_all()
    return 1 - clock.seconds / took


def measure(path: Path, times: int) -> Part:
    llama = Llama(path, context_tokens=CONTEXT)
    one, sixteen = (100 * min(share(llama, n) for _ in range(times)) for n in (1, 16))
    llama.close()
    return Part({"not in llama.cpp, % of a step": {"batch 1": one, "batch 16": sixteen}},
                [Target("overhead at batch 1", one, "at most", 5, "%"),
                 Target("overhead at batch 16", sixteen, "at most", 10, "%")])
