"""Comparisons of two things by a model, in both orders: judges favour a place, so that only a win in both counts
(Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", NeurIPS 2023, section 3.4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from agentfix import CriticContext, Message, read_object, review_parts

from .judging import CRITIQUE, sampled

Better: TypeAlias = Literal["first", "second", "tie"]
_BETTER: tuple[Better, ...] = ("first", "second", "tie")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"critique": CRITIQUE, "better": {"enum": [*_BETTER]}},
    "required": ["critique", "better"],
    "additionalProperties": False,
}
Put: TypeAlias = Callable[[int, int], Sequence[Message]]
"""Puts the question which of two is better; the first is shown first."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of two in one order."""

    better: Better
    critique: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two that were compared in both orders."""

    one: int
    other: int
    forth: Said
    """With `one` shown first."""
    back: Said
    """With `other` shown first."""

    @property
    def winner(self) -> int | None:
        """Who won in both orders; None when nobody did."""
        return {("first", "second"): self.one, ("second", "first"): self.other}.get(
            (self.forth.better, self.back.better))


async def compare(pairs: Sequence[tuple[int, int]], put: Put, context: CriticContext, count: int) -> list[Compared]:
    """Compare pairs, all at once.

    Args:
        pairs: of whatever numbers stand for.
        put: puts the question about two of them.
        context: of the review.
        count: so many judgements in each order; more than half of them must say the same.

    Returns:
        One comparison for each pair, but for those where nothing could be read in one of the orders.
    """
    orders = [order for one, other in pairs for order in ((one, other), (other, one))]
    said = await review_parts({f"{a}-{b}": partial(_asked, put(a, b), count) for a, b in orders}, context)
    found = dict(zip(orders, said, strict=True))
    return [Compared(one, other, forth, back) for one, other in pairs
            if (forth := found[one, other]) is not None and (back := found[other, one]) is not None]


async def _asked(messages: Sequence[Message], count: int, context: CriticContext) -> Said | None:
    """What most judgements say; None when none can be read."""
    replies = await sampled(context, messages, SCHEMA, count)
    read = [said for reply in replies if (said := _read(reply)) is not None]
    if not read:
        return None
    word, votes = Counter(said.better for said in read).most_common(1)[0]
    return next(said for said in read if said.better == word) if 2 * votes > len(read) else Said("tie")


def _read(reply: str) -> Said | None:
    fields = read_object(reply) or {}
    critique = fields.get("critique", "")
    for better in _BETTER:
        if fields.get("better") == better:
            return Said(better, critique if isinstance(critique, str) else "")
    return None
