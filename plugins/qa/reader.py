"""What the critic's model reads: it is shown evidence and the question, and never the proposed answer.

A small model agrees with whatever it is asked to confirm; what it reads by itself can be compared by code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agentfix import CriticContext, Message, fence

from .answers import short
from .plausible import implausible
from .prompts import render
from .quotes import Quote, bare, quotes_of

ANSWER_TOKENS = 40
_UNQUOTABLE = (["yes"], ["no"])
"""Where these words stand in a passage, they do not answer the question."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that was read from evidence, and the quote that holds it."""

    answer: str
    quote: Quote


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks the critic's model; about the same evidence once.

    Args:
        question: what is to be answered.
        context: of the review.
    """

    question: str
    context: CriticContext
    _known: dict[tuple[Quote, ...], Reading | None] = field(default_factory=dict[tuple[Quote, ...], Reading | None])

    async def read(self, evidence: Sequence[Quote]) -> Reading | None:
        """What evidence answers; None when it answers nothing, or with what does not stand in it."""
        key = tuple(evidence)
        if key and key not in self._known:
            self._known[key] = await self._read(evidence)
        return self._known.get(key)

    async def _read(self, evidence: Sequence[Quote]) -> Reading | None:
        replies = await self.context.ask(asked(self.question, evidence), max_tokens=ANSWER_TOKENS)
        answer = short(replies[0].text) if replies else None
        if answer is None or bare(answer) in _UNQUOTABLE or implausible(self.question, answer):
            return None
        for quote in evidence:
            for text in quotes_of(answer, quote.text)[:1]:
                return Reading(answer, replace(quote, text=text))
        return None


def asked(question: str, evidence: Sequence[Quote]) -> list[Message]:
    """The prompt that puts a question to evidence."""
    shown = fence("\n".join(quote.line for quote in evidence), evidence[0].tool)
    return [Message("system", render("system")),
            Message("user", render("open_book", passages=shown, question=question))]
