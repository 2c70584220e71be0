"""An answer that lists several things: each is searched for, and needs a quote of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentfix import Critique, Evidence, ToolCall, ToolCalls

from .reader import Reader, Reading
from .readings import between, evidence_of, quote_for, says, stands, strongest
from .searching import Found, Searches

PASSAGES = 5
"""Asked for with the query for each part."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read of each part of an answer."""

    said: Sequence[tuple[str, Sequence[Reading]]]
    """Each part, and the readings that say it."""
    rivals: Sequence[Reading]
    """Those that agree with each other and say none of the parts; the most there are."""
    passages: Sequence[Found]


async def read_parts(question: str, parts: Sequence[str], readings: Sequence[Reading], passages: Sequence[Found],
                     searches: Searches, reader: Reader) -> Parts | ToolCalls:
    """Search for each part, and read the lines that hold one which nothing that was read says yet.

    Args:
        question: what is asked.
        parts: of the answer.
        readings: what was read for the whole answer.
        passages: that were found for it.
        searches: of the review.
        reader: of the review.

    Returns:
        What was read; or the searches that have to be made first.
    """
    wanted: list[ToolCall] = []
    found = list(passages)
    for part in parts:
        fresh = searches.new(f"{question} {part}", PASSAGES)
        if fresh is None and searches.wanted is not None:
            wanted.append(searches.wanted)
        found += fresh or []
    if wanted:
        return ToolCalls(tuple(wanted))
    standing = [reading for reading in readings if stands(reading.quote, found)]
    others = strongest([r for r in standing if not any(says(r, part) for part in parts)])
    said: list[tuple[str, Sequence[Reading]]] = []
    for part in parts:
        saying = [reading for reading in standing if says(reading, part)]
        holding = between(question, [part], found)
        if holding and not saying:
            last = await reader.read(between(question, [part, *(r.answer for r in others[:1])], found))
            saying = [last] if last is not None and says(last, part) and stands(last.quote, found) else []
        said.append((part, saying))
    return Parts(said, others, found)


def judged_by_parts(whole: Critique, each: Parts) -> Critique:
    """The critique of an answer by what was read of each part.

    Args:
        whole: what was said of it as a whole: that stays where a part is not supported, and the part is named.
        each: what was read.
    """
    missing = [part for part, saying in each.said if not saying]
    if missing:
        told = f"Nothing that was found supports this part of it: {'; '.join(map(repr, missing))}."
        if whole.evidence:
            return replace(whole, feedback=f"{told}\n{whole.feedback}")
        partly = [replace(e, coverage="part") for e in _quotes(each, 1)]
        return replace(whole, feedback=told, evidence=tuple(partly))
    margin = min(len(saying) for _, saying in each.said) - len(each.rivals)
    if margin < 0:
        return whole
    if margin > 0:
        return replace(whole, verdict="accept", feedback="", evidence=tuple(_quotes(each, margin)))
    other = each.rivals[0]
    said = f"{other.quote.title} says {other.answer}: {other.quote.text}"
    return replace(whole, evidence=(*_quotes(each, 1), evidence_of("refutes", said, other.quote, 1)))


def _quotes(each: Parts, margin: int) -> list[Evidence]:
    """A quote for each part that has one. Together they speak of the whole answer, and weigh as much as its margin."""
    said = [(part, quote_for(part, saying, each.passages)) for part, saying in each.said if saying]
    return [replace(evidence_of("supports", f"{quote.title} on {part}: {quote.text}", quote, 1),
                    weight=margin / len(said)) for part, quote in said]
