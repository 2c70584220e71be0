"""What the local engine saves: `python -m tests.bench.local_engine [--model NAME] [--data FILE] [--json]`.

Beside llama-cpp-python's own `Llama`, with and without its RAM cache, and a bare loop over `llama_decode`. All in
one run on one machine, the best of three, so that the ratios are what counts. Problems are taken from the file, JSON
lines with a `question`; without one, from the few below.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp

from agentfix.models.catalog import open_catalogue
from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.scheduler import Scheduler
from agentfix.settings import load_settings
from agentfix.types import Message, ModelRequest, Sampling
from tests.bench.sandbox.targets import Target, show

CONTEXT = 8192
TIMES = 3
QUESTIONS = [
    "A baker fills 14 trays with 12 rolls each and burns 9 of them. How many rolls are left to sell?",
    "A train has 8 cars with 46 seats each. 251 seats are taken. How many are free?",
    "Mara reads 18 pages on each of 5 days and 31 pages on the sixth. How many pages has she read?",
]
ACTOR = "You solve word problems in small steps. " + " ".join(
    f"Rule {i}: write one calculation to a line, name what it counts, and check its unit before the next." for i in
    range(1, 21)) + " End with: The answer is N."
CRITIC = "You check solutions of word problems. " + " ".join(
    f"Check {i}: do the calculation again, compare it with what is written, and say which line is wrong." for i in
    range(1, 21)) + " Say what must change, in two sentences."


@dataclass(frozen=True)
class Call:
    """A request of the loop, and how many tokens were written."""

    messages: tuple[Message, ...]
    tokens: int


def greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0, max_tokens=max_tokens)


async def loop_of(model: LlamaCppModel, question: str) -> list[Call]:
    """A draft and two revisions, each after a critique."""
    calls = list[Call]()

    async def ask(*messages: Message, max_tokens: int) -> str:
        completion, = await model.generate(ModelRequest(messages, greedy(max_tokens)))
        calls.append(Call(messages, completion.usage.completion_tokens))
        return completion.text

    task = Message("user", question)
    draft = await ask(Message("system", ACTOR), task, max_tokens=120)
    for _ in range(2):
        critique = await ask(Message("system", CRITIC), Message("user", f"{question}\n\nSolution:\n{draft}"),
                             max_tokens=50)
        draft = await ask(Message("system", ACTOR), task, Message("assistant", draft),
                          Message("user", f"{critique}\nWrite the whole solution again."), max_tokens=120)
    return calls


async def by_us(path: Path, calls: list[Call]) -> tuple[float, int]:
    """Seconds and tokens for the calls in turn, by an engine that knows nothing yet."""
    model = LlamaCppModel("bench", lambda: Engine(Llama(path, context_tokens=CONTEXT)))
    try:
        await model.generate(ModelRequest((Message("user", "Hello."),), greedy(1)))
        began, tokens = time.perf_counter(), 0
        for call in calls:
            completion, = await model.generate(ModelRequest(call.messages, greedy(call.tokens)))
            tokens += completion.usage.completion_tokens
        return time.perf_counter() - began, tokens
    finally:
        await model.aclose()


def by_llama(path: Path, calls: list[Call], cache: bool) -> tuple[float, int]:
    """The same by `llama_cpp.Llama`, as people run it."""
    llama = llama_cpp.Llama(str(path), n_ctx=CONTEXT, verbose=False)
    if cache:
        llama.set_cache(llama_cpp.LlamaRAMCache())
    llama.create_completion("Hello.", max_tokens=1)
    began, tokens = time.perf_counter(), 0
    for call in calls:
        messages: Any = [{"role": m.role, "content": m.content} for m in call.messages]
        reply: Any = llama.create_chat_completion(messages, temperature=0, max_tokens=call.tokens)
        tokens += reply["usage"]["completion_tokens"]
    took = time.perf_counter() - began
    llama.close()
    return took, tokens


def say(text: str) -> None:
    """To standard error: all of this takes many minutes."""
    sys.stderr.write(f"{text}\n")


def best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(TIMES))


def samples(path: Path, n: int, tokens: int) -> dict[str, float]:
    """Tokens a second for n samples of one 600-token prefix: one after another, together, and by a bare loop."""
    llama = Llama(path, context_tokens=CONTEXT)
    prompt = llama.tokenize("The weather was fine and the birds sang. " * 90, special=False)[:600]

    def run(many: int, times: int) -> float:
        scheduler = Scheduler(llama)
        llama.forget_all()
        scheduler.add(Generation(prompt, greedy(1)))
        while not scheduler.idle:
            scheduler.step()
        written = 0
        began = time.perf_counter()
        for turn in range(times):
            asked = Generation(prompt, Sampling(temperature=1.0, seed=turn, max_tokens=tokens), many)
            scheduler.add(asked)
            while not scheduler.idle:
                scheduler.step()
            written += sum(c.usage.completion_tokens for c in asked.future.result(0))
        took = time.perf_counter() - began
        llama.forget_all()
        return took / written

    one = best(lambda: run(1, 2))
    together = best(lambda: run(n, 1))

    def bare() -> float:
        llama.forget_all()
        for start in range(0, 599, 512):
            part = prompt[start:min(start + 512, 599)]
            llama.decode([Row(token, start + i, 0, False) for i, token in enumerate(part)])
        samplers = [llama.sampler(Sampling(temperature=1.0), i, None) for i in range(n)]
        for sequence in range(1, n + 1):
            llama.copy(0, sequence, 599)
        fed = [prompt[599]] * n
        began = time.perf_counter()
        for step in range(tokens):
            llama.decode([Row(token, 599 + step, i + 1, True) for i, token in enumerate(fed)])
            fed = [llama.draw(sampler, i) or prompt[0] for i, sampler in enumerate(samplers)]
        took = time.perf_counter() - began
        for sampler in samplers:
            llama.free_sampler(sampler)
        return took / (n * tokens)

    loop = best(bare)
    llama.close()
    return {"one after another": 1 / one, "together": 1 / together, "bare llama_decode loop": 1 / loop}


async def revision(path: Path) -> dict[str, float]:
    """Seconds to write twenty lines again with one of them changed, with and without guesses."""
    lines = [f"value_{i} = {i * 37 % 91} + total_{i % 4} * {i + 3}  # step {i} of the ledger" for i in range(20)]
    text = "\n".join(lines)
    messages = (Message("system", "You edit programs. Reply with the whole program and nothing else."),
                Message("user", f"{text}\n\nWrite this program again, but name value_11 `middle`."))

    def seconds(guessing: bool) -> tuple[float, str]:
        llama = Llama(path, context_tokens=CONTEXT)
        llama.in_parts = guessing  # without it nothing is guessed
        model = LlamaCppModel("bench", lambda: Engine(llama))

        async def run() -> tuple[float, str]:
            await model.generate(ModelRequest(messages, greedy(1)))
            began = time.perf_counter()
            completion, = await model.generate(ModelRequest(messages, greedy(600)))
            took = time.perf_counter() - began
            await model.aclose()
            return took / completion.usage.completion_tokens, completion.text

        return asyncio.run(run())

    results: dict[bool, tuple[float, str]] = {}
    for guessing in (True, False):
        runs = [await asyncio.to_thread(seconds, guessing) for _ in range(TIMES)]
        results[guessing] = min(runs)
    return {"with guesses, ms a token": 1000 * results[True][0], "without, ms a token": 1000 * results[False][0],
            "same text": float(results[True][1] == results[False][1])}


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="qwen2.5-coder-1.5b")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--limit", type=int, default=10)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    path = open_catalogue(load_settings()).resolve(given.model)
    questions = QUESTIONS
    if given.data:
        questions = [json.loads(line)["question"] for line in given.data.read_text().splitlines()]
    questions = questions[:given.limit]

    model = LlamaCppModel("bench", lambda: Engine(Llama(path, context_tokens=CONTEXT)))
    calls = [call for question in questions for call in await loop_of(model, question)]
    await model.aclose()
    say(f"{len(calls)} calls, {sum(call.tokens for call in calls)} tokens")
    ours = [await by_us(path, calls) for _ in range(TIMES)]
    say(f"agentfix: {ours}")
    plain = [await asyncio.to_thread(by_llama, path, calls, cache=False)]
    say(f"Llama: {plain}")
    cached = [await asyncio.to_thread(by_llama, path, calls, cache=True)]
    say(f"Llama, LlamaRAMCache: {cached}")
    per_token = {name: min(seconds / tokens for seconds, tokens in runs)
                 for name, runs in (("agentfix", ours), ("Llama", plain), ("Llama, LlamaRAMCache", cached))}
    sixteen = await asyncio.to_thread(samples, path, 16, 48)
    say(f"samples: {sixteen}")
    rewritten = await revision(path)
    show(
        {"the loop, ms a written token": {name: 1000 * each for name, each in per_token.items()},
         "16 samples, tokens/s": sixteen, "a revision": rewritten},
        [Target("loop: Llama / agentfix", per_token["Llama"] / per_token["agentfix"], "at least", 3),
         Target("loop: Llama with its cache / agentfix", per_token["Llama, LlamaRAMCache"] / per_token["agentfix"],
                "at least", 1.5),
         Target("16 samples: together / one after another", sixteen["together"] / sixteen["one after another"],
                "at least", 2.5),
         Target("16 samples: together / bare loop", sixteen["together"] / sixteen["bare llama_decode loop"],
                "at least", 0.9),
         Target("revision: without guesses / with", rewritten["without, ms a token"]
                / rewritten["with guesses, ms a token"], "at least", 1.8)],
        given.json)


if __name__ == "__main__":
    asyncio.run(main())
