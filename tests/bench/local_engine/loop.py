"""The loop of drafts, critiques and revisions, by us and by others."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import llama_cpp

from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.types import Message, ModelRequest
from tests.bench.local_engine.common import CONTEXT, Part, greedy, model_of, say
from tests.bench.local_engine.servers import SERVERS, SLOTS
from tests.bench.sandbox.targets import Target
from tests.servers.server import MODEL, Backend, NotInstalledError

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


Problem: TypeAlias = list[Call]
Ask: TypeAlias = Callable[[Call], Awaitable[int]]
"""Has a call answered; gives the number of tokens that were written."""


async def record(model: LlamaCppModel, question: str) -> Problem:
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


async def replay(problems: list[Problem], ask: Ask, together: int) -> float:
    """Seconds for each token written, with so many problems at once."""
    limit, written = asyncio.Semaphore(together), 0

    async def solve(problem: Problem) -> None:
        nonlocal written
        async with limit:
            for call in problem:
                tokens = await ask(call)  # read first: others write meanwhile
                written += tokens

    began = time.perf_counter()
    await asyncio.gather(*map(solve, problems))
    return (time.perf_counter() - began) / written


async def by_us(path: Path, problems: list[Problem], together: int) -> float:
    """By an engine that knows nothing yet."""
    model = model_of(path)

    async def ask(call: Call) -> int:
        completion, = await model.generate(ModelRequest(call.messages, greedy(call.tokens)))
        return completion.usage.completion_tokens

    try:
        await model.generate(ModelRequest((Message("user", "Hello."),), greedy(1)))
        return await replay(problems, ask, together)
    finally:
        await model.aclose()


async def by_llama(path: Path, problems: list[Problem], *, cache: bool) -> float:
    """By `llama_cpp.Llama`, as people run it: one call after another."""
    llama = llama_cpp.Llama(str(path), n_ctx=CONTEXT, n_gpu_layers=-1, verbose=False)
    if cache:
        llama.set_cache(llama_cpp.LlamaRAMCache())
    llama.create_completion("Hello.", max_tokens=1)

    def complete(call: Call) -> int:
        messages: Any = [{"role": m.role, "content": m.content} for m in call.messages]
        reply: Any = llama.create_chat_completion(messages, temperature=0, max_tokens=call.tokens)
        return reply["usage"]["completion_tokens"]

    async def ask(call: Call) -> int:
        return await asyncio.to_thread(complete, call)

    try:
        return await replay(problems, ask, 1)
    finally:
        llama.close()


async def by_server(address: str, problems: list[Problem], together: int) -> float:
    """By a server over HTTP."""
    async with httpx.AsyncClient(timeout=3600) as client:
        async def ask(call: Call) -> int:
            reply = await client.post(f"{address}/chat/completions", json={
                "model": MODEL, "temperature": 0, "max_tokens": call.tokens,
                "messages": [{"role": m.role, "content": m.content} for m in call.messages]})
            reply.raise_for_status()
            return reply.json()["usage"]["completion_tokens"]

        await ask(Call((Message("user", "Hello."),), 1))
        return await replay(problems, ask, together)


async def measure(path: Path, questions: list[str], times: int) -> Part:
    """The figures, in milliseconds for each token written."""
    model = model_of(path)
    problems = [await record(model, question) for question in questions]
    await model.aclose()
    say(f"{sum(map(len, problems))} calls, {sum(call.tokens for problem in problems for call in problem)} tokens")
    together, seconds = len(problems), dict[str, float]()

    async def timed(name: str, run: Callable[[], Awaitable[float]]) -> None:
        seconds[name] = min([await run() for _ in range(times)])
        say(f"{name}: {1000 * seconds[name]:.1f} ms a token")

    await timed(f"agentfix, {together} problems at once", lambda: by_us(path, problems, together))
    await timed("agentfix, one problem after another", lambda: by_us(path, problems, 1))
    for server in SERVERS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with server.running(Backend(path, ""), Path(folder)) as address:
                    await timed(f"{server.name}, {SLOTS} at once", lambda: by_server(address, problems, SLOTS))
            except NotInstalledError as error:
                say(str(error))
    await timed("Llama, LlamaRAMCache", lambda: by_llama(path, problems, cache=True))
    await timed("Llama", lambda: by_llama(path, problems, cache=False))

    ours, alone = (seconds[name] for name in list(seconds)[:2])

    def target(other: str, bound: float) -> Target:
        theirs = seconds.get(other)
        return Target(f"loop: {other} / agentfix", theirs and theirs / ours, "at least", bound)

    servers = [target(f"{server.name}, {SLOTS} at once", 1) for server in SERVERS]
    return Part({"the loop, ms a written token": {name: 1000 * each for name, each in seconds.items()},
                 "Llama / agentfix, one problem after another": seconds["Llama"] / alone},
                [target("Llama", 3), target("Llama, LlamaRAMCache", 1.5), *servers])
