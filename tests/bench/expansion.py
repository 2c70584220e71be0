"""What an expansion costs beside bare decoding: `python -m tests.bench.expansion [--model NAME] [--width 8] [--json]`.

Strategy `mcts` expands a question into so many attempts at once, through the whole agent: graph, journal, chat
template, scheduler. Beside it, a bare loop over `llama_decode` writes as many tokens, in as many sequences of the same
lengths, after a prompt of the same length. Neither reads the prompt in the time that is measured: the greedy attempt
has read it. Both by turns in one run, so that the ratio is what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentfix import Agent, Check, Expand, Settings, Task, hookimpl
from agentfix.models.catalog import open_catalogue
from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.plugins import Plugins
from agentfix.settings import load_settings
from agentfix.types import Completion, ModelRequest, Sampling
from tests.bench.local_engine.common import CONTEXT, say
from tests.bench.local_engine.samples import prefix
from tests.bench.sandbox.targets import Target, show

TASK = Task("Write a Python function `ledger(lines)` that reads lines such as '2024-03-01 groceries -12.50', and "
            "returns a dictionary with the sum of each category. Write no comments and no examples.", "code",
            (Check("assert False"),))
"""Nothing passes its check, so that the question is expanded."""
TOKENS = 96
"""Of an attempt at the most."""


class Heard:
    """A model that writes little, and what it said when it was asked for several completions."""

    name = "heard"

    def __init__(self, model: LlamaCppModel) -> None:
        self._model = model
        self.said: list[Completion] = []

    async def generate(self, request: ModelRequest, **given: Any) -> list[Completion]:
        sampling = replace(request.sampling, max_tokens=min(TOKENS, request.sampling.max_tokens))
        completions = await self._model.generate(replace(request, sampling=sampling), **given)
        if request.n > 1:
            self.said = completions
        return completions

    async def aclose(self) -> None:
        await self._model.aclose()

    @hookimpl
    def agentfix_register_models(self, register: Any) -> None:
        register("heard", lambda build: self, "A local model that is listened to.")


async def by_us(agent: Agent, model: Heard, seed: int) -> tuple[float, list[int], int]:
    """Seconds for one expansion, how many tokens each attempt took, and how long the prompt was."""
    began, took = 0.0, 0.0

    def watch(event: Any) -> None:
        nonlocal began, took
        if event.kind == "move" and isinstance(event.data["move"], Expand) and event.data["move"].n > 1:
            began = time.perf_counter()
        elif event.kind == "attempt" and began:
            took = time.perf_counter() - began

    await agent.arun(TASK, seed=seed, on_event=watch)
    usages = [completion.usage for completion in model.said]
    return took, [usage.completion_tokens for usage in usages], sum(usage.prompt_tokens for usage in usages)


def by_a_loop(llama: Llama, lengths: Sequence[int], prompt_tokens: int) -> float:
    """Seconds for as many tokens in a loop over `llama_decode`."""
    llama.forget_all()
    prompt = llama.tokenize(prefix(random.Random(0)), special=False)[-prompt_tokens:]
    last = len(prompt) - 1
    for start in range(0, last, 512):
        llama.decode([Row(token, start + i, 0, False) for i, token in enumerate(prompt[start:min(start + 512, last)])])
    samplers = [llama.sampler(Sampling(0.7, 0.95), i, None) for i in range(len(lengths))]
    for sequence in range(1, len(lengths) + 1):
        llama.copy(0, sequence, last)
    fed = [prompt[last]] * len(lengths)
    began = time.perf_counter()
    for step in range(max(lengths)):
        going = [i for i, length in enumerate(lengths) if step < length]
        llama.decode([Row(fed[i], last + step, i + 1, True) for i in going])
        for row, i in enumerate(going):
            fed[i] = llama.draw(samplers[i], row) or prompt[0]
    took = time.perf_counter() - began
    for sampler in samplers:
        llama.free_sampler(sampler)
    return took


async def measure(path: Path, width: int, times: int) -> tuple[dict[str, Any], list[Target]]:
    threads = load_settings().threads

    def opened() -> Llama:
        return Llama(path, context_tokens=CONTEXT, threads=threads)

    model, llama = Heard(LlamaCppModel("bench", lambda: Engine(opened()))), opened()
    settings = Settings(model="heard:", sandbox="embedded", strategy=f"mcts:{width + 1}", journal="memory",
                        max_rounds=2)
    ours, bare = list[float](), list[float]()
    async with Agent(settings, Plugins(settings, {"heard": model})) as agent:
        await by_us(agent, model, -1)  # loads everything
        for seed in range(times):
            took, lengths, prompt_tokens = await by_us(agent, model, seed)
            ours.append(took / sum(lengths))
            bare.append(by_a_loop(llama, lengths, prompt_tokens) / sum(lengths))
            say(f"{sum(lengths)} tokens in {len(lengths)} attempts, {prompt_tokens} of the prompt: "
                f"{1000 * ours[-1]:.2f} ms a token, the loop {1000 * bare[-1]:.2f}")
    llama.close()
    figures = {f"{width}-way expansion of {path.stem}, ms a token": {
        "mcts": 1000 * min(ours), "a bare llama_decode loop": 1000 * min(bare)}}
    return figures, [Target("expansion: mcts / bare loop", min(ours) / min(bare), "at most", 1.15)]


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="qwen2.5-coder-0.5b")
    arguments.add_argument("--width", type=int, default=8)
    arguments.add_argument("--times", type=int, default=3, help="the best of so many")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    figures, targets = await measure(open_catalogue(load_settings()).resolve(given.model), given.width, given.times)
    show(figures, targets, given.json)


if __name__ == "__main__":
    asyncio.run(main())
