"""A model that writes what a small model might: right, wrong and broken answers, verdicts of any shape, by chance that
follows from what it is asked."""

from __future__ import annotations

import json
import math
import random

from agentfix import Completion, TokenLogprob, Usage
from agentfix.testing.checks.sampling import sampled

PROGRAMS = ("12", "12", "13", "boxes * 4", "[]")
DERIVED = ("12", "12", "13", "7")
WORDS = ("Yes", "No", "True", "False", "A", "B", *map(str, range(11)))


class PowerCut(BaseException):
    """Stands for the end of the process."""


class Student:
    """Deterministic: the same request has the same reply, whoever asks and when.

    Args:
        cut_at: the call at which the process ends, from 1; never when 0.
        limits: settings whose limits it holds the engine to.
    """

    name = "student"

    def __init__(self, cut_at=0, limits=None) -> None:
        self.cut_at, self.limits, self.calls, self.tokens = cut_at, limits, 0, 0

    async def generate(self, request, *, on_delta=None):
        self.calls += 1
        if self.calls == self.cut_at:
            raise PowerCut
        self._hold_to_limits(request)
        asked = json.dumps([[m.role, m.content] for m in request.messages])
        made = [self._completion(request, f"{asked}{request.sampling.seed}:{i * (request.sampling.temperature > 0)}", i)
                for i in range(request.n)]
        self.tokens += sum(c.usage.tokens for c in made)
        return made

    def _hold_to_limits(self, request) -> None:
        if self.limits is None:
            return
        assert self.limits.max_model_calls is None or self.calls <= self.limits.max_model_calls
        if self.limits.max_tokens is not None:
            assert request.n * request.sampling.max_tokens <= self.limits.max_tokens - self.tokens

    def _completion(self, request, asked, index):
        chance = random.Random(asked)
        logprobs = ()
        if request.top_logprobs:
            weights = [chance.random() for _ in WORDS]
            top = tuple((w, math.log(p / sum(weights))) for w, p in zip(WORDS, weights, strict=True))
            text = max(top, key=lambda each: each[1])[0]
            logprobs = (TokenLogprob(text, max(p for _, p in top), top),)
        elif request.schema is not None:
            made = sampled(request.schema, 3, chance.randrange(10**6))
            text = json.dumps(chance.choice(made)) if made else "{}"
        else:
            text = self._text(request.messages[-1].content + request.messages[0].content, chance)
        for stop in request.sampling.stop:
            text = text.split(stop)[0] if text.split(stop)[0].strip() else text
        words = text.split(" ")
        cut = len(words) > request.sampling.max_tokens
        text = " ".join(words[: request.sampling.max_tokens])
        usage = Usage(1 if index == 0 else 0, 0, min(len(words), request.sampling.max_tokens))
        return Completion(text, "length" if cut else "stop", usage=usage, logprobs=logprobs)

    def _text(self, asked, chance):
        if "solution()" in asked:
            return f"```python\ndef solution():\n    x = 3\n    return {chance.choice(PROGRAMS)}\n```"
        if "The answer is" in asked:
            said = chance.choice(DERIVED)
            return f"Known: 3 boxes of 4.\n\n3 times 4 is {said}.\n\nThe answer is {said}"
        return chance.choice(("Multiply the boxes.", "Count once more.", "No."))

    async def aclose(self) -> None:
        """Nothing to free."""
