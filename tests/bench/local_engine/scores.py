"""How long scoring four choices takes after a prefix that is known, in decoded tokens."""

from __future__ import annotations

import time
from pathlib import Path

from agentfix.types import Message, ModelRequest
from tests.bench.local_engine.common import Part, greedy, model_of
from tests.bench.local_engine.loop import CRITIC
from tests.bench.sandbox.targets import Target

CHOICES = ("yes", "no", "the second line is wrong", "cannot tell")
TOKENS = 32


async def measure(path: Path, times: int) -> Part:
    model = model_of(path)
    asked = (Message("system", CRITIC), Message("user", "3 * 4 = 12, so the answer is 12. Is that right?"))
    await model.score(asked, CHOICES)
    scoring, decoding = list[float](), list[float]()
    for turn in range(times):
        began = time.perf_counter()
        await model.score(asked, CHOICES)
        scoring.append(time.perf_counter() - began)
        other = Message("user", f"Write {turn + 2} lines about the sea.")
        await model.generate(ModelRequest((other,), greedy(1)))
        began = time.perf_counter()
        completion, = await model.generate(ModelRequest((other,), greedy(TOKENS)))
        decoding.append((time.perf_counter() - began) / completion.usage.completion_tokens)
    await model.aclose()
    return Part({"score of 4 choices, ms": 1000 * min(scoring), "a decoded token, ms": 1000 * min(decoding)},
                [Target("score of 4 choices", min(scoring) / min(decoding), "at most", 6, "decoded tokens")])
