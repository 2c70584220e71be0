"""What readings amount to: which say an answer, which agree with each other, and what quote they stand on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from agentfix import Evidence, EvidenceClass

from .answers import agree
from .lines import content, evidence_lines
from .quotes import Quote, find_quote, quotes_of, states
from .reader import Reading
from .searching import Found


def between(question: str, answers: Sequence[str], passages: Sequence[Found]) -> list[Quote]:
    """The lines that hold one of several answers, in the order of what they share with the question."""
    lines = evidence_lines(question, passages, sum(passage.text.count(".") + 1 for passage in passages))
    best = [[line for line in lines if states(answer, line.text)][:2] for answer in answers if answer]
    return list(dict.fromkeys(line for line in lines if any(line in of for of in best)))


def says(reading: Reading, answer: str) -> bool:
    """Whether what was read is the answer, and the quote says all of it: one name of a list is not the list."""
    said = {*content(reading.quote.line), *content(reading.answer)}
    return agree(reading.answer, answer) and said.issuperset(content(answer))


def strongest(readings: Sequence[Reading]) -> list[Reading]:
    """Those readings that agree with each other and are most."""
    groups = [[other for other in readings if agree(other.answer, reading.answer)] for reading in readings]
    return max(groups, key=len) if groups else []


def quote_for(answer: str, agreeing: Sequence[Reading], passages: Sequence[Found]) -> Quote:
    """The quote that a reading stands on; rather one that holds the very answer."""
    for reading in agreeing:
        if states(answer, reading.quote.text):
            return reading.quote
    of_same = (Quote(text, p.title, p.source, p.tool) for p in passages
               if p.title == agreeing[0].quote.title for text in quotes_of(answer, p.text))
    return next(of_same, agreeing[0].quote)


def stands(quote: Quote, passages: Sequence[Found]) -> bool:
    """Whether a passage of that title holds the quote, word for word: nothing else is cited."""
    return any(p.title == quote.title and find_quote(quote.text, p.text) == quote.text for p in passages)


def evidence_of(polarity: Literal["supports", "refutes"], summary: str, quote: Quote, margin: int) -> Evidence:
    """What a passage states, with its quote and where that stands."""
    return Evidence(EvidenceClass.RETRIEVAL, polarity, summary, quote.tool, "document", weight=max(margin, 1),
                    detail=f"{quote.line}\n{quote.source}")
