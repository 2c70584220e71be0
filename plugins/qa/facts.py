"""Critic `facts` (CRITIC, section 4.1): is the answer plausible, and do passages that a search finds state it?

The model only reads: it says what a passage answers, and whether a quote says so. What is quoted is cut out of the
passage by code, and holds the answer by code, so that a citation can't be made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Task, ToolCalls, fence

from .plausible import implausible
from .quotes import Quote, quotes_of
from .reader import Reader
from .searching import Found, Searches

FIRST, NEXT = 5, 3
"""Passages asked for with the question, and with each query after it."""
READ = 5
"""So many passages are read for another answer."""
SUPPORTS = 0.7
"""How likely a quote must be found to state the answer."""
SHOWN = 3
"""Evidence lines that the reviser is given."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer that a passage states, with the quote."""

    answer: str
    quote: Quote
    tool: str
    likely: float


class FactsCritic:
    """See the module."""

    name = "facts"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        critiques: list[Critique] = []
        for attempt in attempts:
            searches = Searches(context.asked)
            critique = await self._judge(task, attempt, searches, Reader(task.question, context))
            if critique is None:
                assert searches.wanted is not None
                return ToolCalls((searches.wanted,))
            critiques.append(critique)
        return critiques

    async def _judge(self, task: Task, attempt: Attempt, searches: Searches, reader: Reader) -> Critique | None:
        """None when a search has to be made first."""
        answer = attempt.answer or ""
        problem = implausible(task.question, answer)
        seen: list[Found] = []
        for query, k in _queries(task.question, "" if problem else answer):
            fresh = searches.new(query, k)
            if fresh is None:
                return None
            seen += fresh
            if not problem and (stated := await self._supported(answer, fresh, reader)):
                return self._accepted(attempt, stated)
        others = await self._others(answer, seen[:READ], reader)
        if problem or others:
            return self._refuted(attempt, problem, others)
        why = searches.failure or f"nothing that was found states it, or another answer ({len(seen)} passages)"
        return Critique(attempt.id, self.name, "abstain", why)

    async def _supported(self, answer: str, passages: Sequence[Found], reader: Reader) -> Stated | None:
        for passage in passages:
            for text in quotes_of(answer, passage.text)[:1]:
                quote = Quote(text, passage.title, passage.source)
                likely = await reader.says(answer, quote)
                if likely >= SUPPORTS:
                    return Stated(answer, quote, passage.tool, likely)
        return None

    async def _others(self, answer: str, passages: Sequence[Found], reader: Reader) -> list[Stated]:
        """What the passages answer instead, the likeliest first."""
        found: list[Stated] = []
        for passage in passages:
            other = await reader.answer(passage)
            texts = quotes_of(other, passage.text)[:1] if other else []
            for text in texts:
                quote = Quote(text, passage.title, passage.source)
                found.append(Stated(other, quote, passage.tool, await reader.says(other, quote)))
        return sorted((s for s in found if not reader.same(s.answer, answer)), key=lambda s: -s.likely)

    # --- verdicts ------------------------------------------------------------------------------------------------

    def _accepted(self, attempt: Attempt, stated: Stated) -> Critique:
        evidence = _evidence("supports", f"{stated.quote.title} states it", stated)
        return Critique(attempt.id, self.name, "accept", "", (evidence,))

    def _refuted(self, attempt: Attempt, problem: str, others: Sequence[Stated]) -> Critique:
        lines = "\n".join(f"> Evidence: {s.quote.line}" for s in others[:SHOWN])
        evidence = [_evidence("refutes", f"{s.quote.title} states another answer: {s.answer}", s) for s in others[:1]
                    if s.likely >= SUPPORTS]
        if problem:
            evidence.append(Evidence(EvidenceClass.OPINION, "refutes", problem, self.name, "instrument", "necessary"))
        feedback = fence(lines, others[0].tool) if others else ""
        return Critique(attempt.id, self.name, "revise", feedback, tuple(evidence))


def _queries(question: str, answer: str) -> list[tuple[str, int]]:
    queries = [(question, FIRST)]
    if answer:
        queries.append((f"{question} {answer}", NEXT))
    return queries


def _evidence(polarity: Literal["supports", "refutes"], summary: str, stated: Stated) -> Evidence:
    return Evidence(EvidenceClass.RETRIEVAL, polarity, summary, stated.tool, "document", weight=stated.likely,
                    detail=f"{stated.quote.line}\n{stated.quote.source}".strip())
