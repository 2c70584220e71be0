"""Critic `facts` (CRITIC, section 4.1): is the answer plausible, and do passages that a search finds state it?

What is found is narrowed to the sentences that share most with the question, each a quote cut out of its passage by
code. The critic's model answers the question from them without being told the proposed answer; an answer counts only
if it stands in a quote. Two views are read, and where they differ a third decides between what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Task, ToolCalls, fence

from .answers import agree
from .kind import question_of
from .lines import content, evidence_lines
from .plausible import implausible
from .quotes import Quote, find_quote, quotes_of, statements, states
from .reader import Reader, Reading
from .searching import Found, Searches

FIRST, NEXT = 10, 5
"""Passages asked for with the question, and with each query after it."""
LINES = 5
"""Evidence lines that are read together."""
SHOWN = 3
"""Evidence lines that the reviser is given."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a review found: passages, their lines, and what was read in them."""

    lines: Sequence[Quote]
    passages: Sequence[Found]
    readings: Sequence[Reading]


class FactsCritic:
    """See the module."""

    name = "facts"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        critiques: list[Critique] = []
        reader = Reader(question_of(task), context)
        for attempt in attempts:
            answer = attempt.answer or ""
            if (known := self._said_of(answer, context)) is not None:
                critiques.append(replace(known, attempt=attempt.id))
                continue
            searches = Searches(context.asked)
            problem = implausible(task.question, answer)
            found = await _find(task.question, "" if problem else answer, searches, reader)
            if found is None:
                assert searches.wanted is not None
                return ToolCalls((searches.wanted,))
            critiques.append(self._judge(attempt, answer, problem, found, searches.failure))
        return critiques

    def _said_of(self, answer: str, context: CriticContext) -> Critique | None:
        """What an earlier review said of the same answer: what it read would be read again."""
        same = (a.id for a in context.tree.attempts if a.answer is not None and context.kind.same(a.answer, answer))
        said = (c for number in same for c in context.tree.critiques_of(number) if c.critic == self.name)
        return next((critique for critique in said if critique.evidence), None)

    def _judge(self, attempt: Attempt, answer: str, problem: str, found: _Found, failure: str) -> Critique:
        readings = [r for r in found.readings if _stands(r.quote, found.passages)]
        agreeing = [r for r in readings if _says(r, answer)] if not problem else []
        rivals = _strongest([r for r in readings if r not in agreeing])
        evidence: list[Evidence] = []
        if agreeing and len(agreeing) >= len(rivals):
            quote = _quote_for(answer, agreeing, found.passages)
            evidence.append(_evidence("supports", f"{quote.title}: {quote.text}", quote, len(agreeing) - len(rivals)))
        if rivals and len(rivals) >= len(agreeing):
            other = rivals[0]
            said = f"{other.quote.title} says {other.answer}: {other.quote.text}"
            evidence.append(_evidence("refutes", said, other.quote, len(rivals) - len(agreeing)))
        if problem:
            evidence.append(Evidence(EvidenceClass.OPINION, "refutes", problem, self.name, "instrument", "necessary"))
        if not evidence:
            return Critique(attempt.id, self.name, "abstain", failure or "No passage that was found answers it.")
        if agreeing and len(agreeing) > len(rivals):
            return Critique(attempt.id, self.name, "accept", "", tuple(evidence))
        lines = list(dict.fromkeys([*(r.quote for r in rivals[:1]), *found.lines]))[:SHOWN]
        shown = "\n".join(f"> Evidence: {line.line}" for line in lines)
        feedback = fence(shown, lines[0].tool) if lines else problem
        return Critique(attempt.id, self.name, "revise", feedback, tuple(evidence))


async def _find(question: str, answer: str, searches: Searches, reader: Reader) -> _Found | None:
    """Search and read; None when a search has to be made first."""
    passages = searches.new(question, FIRST)
    if passages is None:
        return None
    lines = evidence_lines(question, passages, LINES)
    views = [lines, [_whole(passage) for passage in passages[:1]]]
    readings = [r for view in views if (r := await reader.read(view)) is not None]
    if len(readings) == 2 and agree(readings[0].answer, readings[1].answer):
        return _Found(lines, passages, readings)
    more = list(passages)
    said = [r.answer for r in readings] or [answer]
    for query in dict.fromkeys(f"{question} {each}" for each in said):
        fresh = searches.new(query, NEXT)
        if fresh is None:
            return None
        more += fresh
    between = _between(question, said, more) or evidence_lines(question, more, LINES)
    if (last := await reader.read(between)) is not None:
        readings.append(last)
    return _Found(lines, more, readings)


def _between(question: str, answers: Sequence[str], passages: Sequence[Found]) -> list[Quote]:
    """The lines that hold one of several answers, in the order of what they share with the question."""
    lines = evidence_lines(question, passages, sum(passage.text.count(".") + 1 for passage in passages))
    best = [[line for line in lines if states(answer, line.text)][:2] for answer in answers if answer]
    return list(dict.fromkeys(line for line in lines if any(line in of for of in best)))


def _whole(passage: Found) -> Quote:
    """All that a passage states."""
    return Quote(" ".join(statements(passage.text)), passage.title, passage.source, passage.tool)


def _says(reading: Reading, answer: str) -> bool:
    """Whether what was read is the answer, and the quote says all of it: one name of a list is not the list."""
    said = {*content(reading.quote.line), *content(reading.answer)}
    return agree(reading.answer, answer) and said.issuperset(content(answer))


def _strongest(readings: Sequence[Reading]) -> list[Reading]:
    """Those readings that agree with each other and are most."""
    groups = [[other for other in readings if agree(other.answer, reading.answer)] for reading in readings]
    return max(groups, key=len) if groups else []


def _quote_for(answer: str, agreeing: Sequence[Reading], passages: Sequence[Found]) -> Quote:
    """The quote that a reading stands on; rather one that holds the very answer."""
    for reading in agreeing:
        if states(answer, reading.quote.text):
            return reading.quote
    of_same = (Quote(text, p.title, p.source, p.tool) for p in passages
               if p.title == agreeing[0].quote.title for text in quotes_of(answer, p.text))
    return next(of_same, agreeing[0].quote)


def _stands(quote: Quote, passages: Sequence[Found]) -> bool:
    """Whether a passage of that title holds the quote, word for word: nothing else is cited."""
    return any(p.title == quote.title and find_quote(quote.text, p.text) == quote.text for p in passages)


def _evidence(polarity: Literal["supports", "refutes"], summary: str, quote: Quote, margin: int) -> Evidence:
    return Evidence(EvidenceClass.RETRIEVAL, polarity, summary, quote.tool, "document", weight=max(margin, 1),
                    detail=f"{quote.line}\n{quote.source}")
