"""Twenty lines written again with one of them changed, with and without guesses."""

from __future__ import annotations

import time
from pathlib import Path

from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.types import Message, ModelRequest
from tests.bench.local_engine.common import CONTEXT, Part, greedy
from tests.bench.sandbox.targets import Target

LINES = [f"value_{i} = {i * 37 % 91} + total_{i % 4} * {i + 3}  # step {i} of the ledger" for i in range(20)]
MESSAGES = (Message("system", "You edit programs. Reply with the whole program and nothing else."),
            Message("user", "\n".join(LINES) + "\n\nWrite this program again, but name value_11 `middle`."))


async def once(path: Path, *, guessing: bool) -> tuple[float, str]:
    """Seconds a token, and the text."""
    llama = Llama(path, context_tokens=CONTEXT)
    llama.in_parts = guessing  # without it nothing is guessed
    model = LlamaCppModel("bench", lambda: Engine(llama))
    await model.generate(ModelRequest(MESSAGES, greedy(1)))
    began = time.perf_counter()
    completion, = await model.generate(ModelRequest(MESSAGES, greedy(700)))
    took = time.perf_counter() - began
    await model.aclose()
    return took / completion.usage.completion_tokens, completion.text


async def measure(path: Path, times: int) -> Part:
    with_them, text = min([await once(path, guessing=True) for _ in range(times)])
    without, other = min([await once(path, guessing=False) for _ in range(times)])
    return Part({"a revision, ms a token": {"with guesses": 1000 * with_them, "without": 1000 * without},
                 "the same text with and without": text == other},
                [Target("revision: without guesses / with", without / with_them, "at least", 1.8)])
