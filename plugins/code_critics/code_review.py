"""Critic `code-review`: a model reads code and points at bugs (McAleese et al., "LLM Critics Help Catch LLM Bugs",
2024).

Each point quotes the code. A quote that the code does not hold, character by character, is invented, and the point is
dropped. Several reviews are drawn, and a point needs the votes of some of them: how many are drawn and how many must
agree trades bugs that are found against bugs that are none (the paper's section 3.4, there by a search over lengths).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Task,
    ToolCalls,
    UsageError,
    defused,
    head_and_tail,
    review_each,
)

from .pointing import QuotedPoint, points_in, schema_of, step_at
from .prompts import render

DEFAULT_RECALL = 0.5
TEMPERATURE = 0.8
LEAST_QUOTED = 3
"""A shorter quote stands in any code."""
PROGRAM_CHARS = 12_000
"""Of a longer program, the middle is not shown."""
MOST_SHOWN = 3
"""Of the points, the reviser is told so many."""
_SCHEMA = schema_of("quote", {"type": "string", "maxLength": 200})


def recall(argument: str) -> float:
    """Read RECALL of `code-review:RECALL`.

    Raises:
        UsageError: it is no number from 0 to 1.
    """
    if not argument:
        return DEFAULT_RECALL
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"'code-review' takes a number from 0 (only what is agreed on) to 1 (all that is found), not "
                         f"{argument!r}.", f"Write for example code-review:{DEFAULT_RECALL:g}.")
    return value


@dataclass(frozen=True, slots=True)
class _Bug:
    """A point with a quote that the code holds."""

    line: int
    """Of the program, from 1, where the quote begins."""
    quote: str
    problem: str
    votes: int = 1


class CodeReview:
    """See the module.

    Args:
        recall: 0 for few points that all reviews make, 1 for all points of many reviews.
    """

    name = "code-review"

    def __init__(self, recall: float = DEFAULT_RECALL) -> None:
        self.samples = 2 + round(4 * recall)
        self.votes = max(1, round((1 - recall) * self.samples))

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        async def judge(attempt: Attempt, context: CriticContext) -> Critique:
            return await self._judge(task, attempt, context)

        return await review_each(attempts, judge, context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        program = attempt.program
        if not program:
            return Critique(attempt.id, self.name, "abstain")
        question = f"{task.question}\n\n{task.context}".strip()
        prompt = render("code_review", question=question, program=defused(head_and_tail(program, PROGRAM_CHARS)))
        replies = await context.ask([Message("user", prompt)], schema=_SCHEMA, temperature=TEMPERATURE, max_tokens=400,
                                    n=self.samples)
        read = [points for reply in replies if (points := points_in(reply.text, QuotedPoint)) is not None]
        if not read:
            return Critique(attempt.id, self.name, "abstain", "the review could not be read")
        found = _counted([_bugs(points, program) for points in read])
        clean = sum(not points for points in read) / len(read)
        kept = [bug for bug in found if bug.votes >= min(self.votes, len(read))]
        origin = "actor" if context.model == attempt.author else "model"
        if kept:
            first = min(kept, key=lambda bug: bug.line)
            votes = max(bug.votes for bug in kept)
            against = Evidence(EvidenceClass.OPINION, "refutes", f"{votes} of {len(read)} reviews find a bug in line "
                               f"{first.line}: {first.problem}", context.model, origin, weight=votes / len(read))
            at = attempt.text.find(first.quote)
            return Critique(attempt.id, self.name, "revise", _feedback(kept), (against,), clean,
                            None if at < 0 else step_at(attempt.text, at))
        if 2 * clean <= 1:
            return Critique(attempt.id, self.name, "abstain", score=clean)
        fine = Evidence(EvidenceClass.OPINION, "supports", f"{clean:.0%} of {len(read)} reviews find no bug",
                        context.model, origin, weight=clean)
        return Critique(attempt.id, self.name, "accept", "", (fine,), clean)


def _bugs(points: Sequence[QuotedPoint], program: str) -> list[_Bug]:
    """The points whose quotes are in the code, each line's first."""
    found: dict[int, _Bug] = {}
    for point in points:
        at = program.find(point.quote)
        if at >= 0 and len(point.quote) >= LEAST_QUOTED:
            line = program.count("\n", 0, at) + 1
            found.setdefault(line, _Bug(line, point.quote, point.problem))
    return list(found.values())


def _counted(reviews: Sequence[Sequence[_Bug]]) -> list[_Bug]:
    """One bug for each line, in the words of the first review that has it, with how many have it; the most first."""
    found: dict[int, _Bug] = {}
    for bug in (bug for review in reviews for bug in review):
        known = found.get(bug.line)
        found[bug.line] = bug if known is None else _Bug(bug.line, known.quote, known.problem, known.votes + 1)
    return sorted(found.values(), key=lambda bug: (-bug.votes, bug.line))


def _feedback(bugs: Sequence[_Bug]) -> str:
    shown = sorted(bugs[:MOST_SHOWN], key=lambda bug: bug.line)
    return "\n".join(f"Line {bug.line}:\n    {bug.quote}\n{bug.problem}" for bug in shown)
