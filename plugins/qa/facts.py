"""Critic `facts` (CRITIC, section 4.1): is the answer plausible, and do passages that a search finds state it?

What is found is narrowed to the sentences that share most with the question, each a quote cut out of its passage by
code. The critic's model answers the question from them without being told the proposed answer; an answer counts only
if it stands in a quote. Two views are read, and where they differ a third decides between what they say. An answer that
lists several things and is not supported as a whole is supported by a quote for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Task, ToolCalls, fence

from .answers import agree
from .kind import question_of
from .lines import evidence_lines
from .listed import judged_by_parts, read_parts
from .parts import parts_of
from .plausible import implausible
from .quotes import Quote, statements, states
from .reader import Reader, Reading
from .readings import between, evidence_of, quote_for, says, stands, strongest
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
            critique = self._judge(attempt, answer, problem, found, searches.failure)
            if not problem and len(parts := _parts(answer, critique, found)) > 1:
                each = await read_parts(task.question, parts, found.readings, found.passages, searches, reader)
                if isinstance(each, ToolCalls):
                    return each
                critique = judged_by_parts(critique, each)
            critiques.append(critique)
        return critiques

    def _said_of(self, answer: str, context: CriticContext) -> Critique | None:
        """What an earlier review said of the same answer: what it read would be read again."""
        same = (a.id for a in context.tree.attempts if a.answer is not None and context.kind.same(a.answer, answer))
        said = (c for number in same for c in context.tree.critiques_of(number) if c.critic == self.name)
        return next((critique for critique in said if critique.evidence), None)

    def _judge(self, attempt: Attempt, answer: str, problem: str, found: _Found, failure: str) -> Critique:
        readings = [r for r in found.readings if stands(r.quote, found.passages)]
        agreeing = [r for r in readings if says(r, answer)] if not problem else []
        rivals = strongest([r for r in readings if r not in agreeing])
        evidence: list[Evidence] = []
        if agreeing and len(agreeing) >= len(rivals):
            quote = quote_for(answer, agreeing, found.passages)
            evidence.append(evidence_of("supports", f"{quote.title}: {quote.text}", quote, len(agreeing) - len(rivals)))
        if rivals and len(rivals) >= len(agreeing):
            other = rivals[0]
            said = f"{other.quote.title} says {other.answer}: {other.quote.text}"
            evidence.append(evidence_of("refutes", said, other.quote, len(rivals) - len(agreeing)))
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
    shown = between(question, said, more) or evidence_lines(question, more, LINES)
    if (last := await reader.read(shown)) is not None:
        readings.append(last)
    return _Found(lines, more, readings)


def _parts(answer: str, critique: Critique, found: _Found) -> list[str]:
    """The parts by which an answer is judged that nothing supports as a whole, and that no passage names as one."""
    if any(evidence.polarity == "supports" for evidence in critique.evidence):
        return [answer]
    name = answer.replace("&", "and")
    named = any(states(name, f"{passage.title} {passage.text}".replace("&", "and")) for passage in found.passages)
    return [answer] if named else parts_of(answer)


def _whole(passage: Found) -> Quote:
    """All that a passage states."""
    return Quote(" ".join(statements(passage.text)), passage.title, passage.source, passage.tool)
