"""What the model is asked of a passage: what it answers, and whether a quote says so."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from agentfix import Completion, CriticContext, Message, fence

from .kind import short
from .prompts import render
from .quotes import Quote
from .searching import Found

_ANSWER: Mapping[str, Any] = {
    "type": "object", "properties": {"answer": {"type": "string", "maxLength": 80}}, "required": ["answer"],
    "additionalProperties": False,
}
_ALTERNATIVES = 10
"""How many next words are looked at for a yes or no."""


class Reader:
    """Asks the critic's model, each question once.

    Args:
        question: what is to be answered.
        context: of the review.
    """

    def __init__(self, question: str, context: CriticContext) -> None:
        self._question = question
        self._context = context

    def same(self, a: str, b: str) -> bool:
        return self._context.kind.same(a, b)

    async def answer(self, passage: Found) -> str:
        """What a passage answers to the question; empty when it does not say."""
        user = render("read", question=self._question, passage=fence(passage.line, passage.tool))
        replies = await self._context.ask([Message("system", render("read_system")), Message("user", user)],
                                          schema=_ANSWER, max_tokens=40)
        try:
            said: object = json.loads(replies[0].text)["answer"]
        except (IndexError, ValueError, KeyError, TypeError):
            return ""
        return (short(said) or "") if isinstance(said, str) else ""

    async def says(self, answer: str, quote: Quote) -> float:
        """How likely a quote states that this is the answer, from 0 to 1."""
        user = render("says", question=self._question, answer=answer, quote=fence(quote.line, "a search"))
        replies = await self._context.ask([Message("system", render("says_system")), Message("user", user)],
                                          max_tokens=1, top_logprobs=_ALTERNATIVES)
        return _yes(replies[0]) if replies else 0.0


def _yes(completion: Completion) -> float:
    """The share of `yes` in yes and no; from the word itself where a model gives no probabilities."""
    weights = {"yes": 0.0, "no": 0.0}
    top = completion.logprobs[0].top if completion.logprobs else ()
    for token, logprob in top or ((completion.text, 0.0),):
        word = token.strip().casefold().rstrip(".")
        if word in weights:
            weights[word] += math.exp(logprob)
    total = sum(weights.values())
    return weights["yes"] / total if total else 0.0
