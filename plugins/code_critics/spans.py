"""Critic `spans`: verdicts on single sentences of a text, and by aspect, instead of one for all of it (Fine-Grained
RLHF: Wu et al., NeurIPS 2023; TLDR: Fu et al., 2024; DRLC: Cao et al., 2024).

What is said of a span speaks of a part of the answer only. The reviser is told of the spans that are bad and of nothing
else, so that only they are rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Origin,
    Task,
    ToolCalls,
    UsageError,
    defused,
    head_and_tail,
    review_each,
    review_parts,
)

from .pointing import NumberedPoint, points_in, schema_of, step_at
from .prompts import render

ASPECTS = ("fact", "relevance", "completeness")
MISSING = "completeness"
"""The aspect whose points name what is not there."""
MOST_SENTENCES = 40
"""Of a longer text, the first so many are judged."""
SENTENCE_CHARS = 600
"""Of a longer sentence, the middle is not shown."""
_SENTENCE = re.compile(r"\S.*?(?:(?<![.!?])[.!?]+[\"'”’)\]]*(?=\s|\Z)|(?=\n|\Z))")


def aspects(argument: str) -> tuple[str, ...]:
    """Read `spans:ASPECT,...`; all of them when there is none.

    Raises:
        UsageError: one of them is no aspect.
    """
    wanted = tuple(dict.fromkeys(part.strip() for part in argument.split(","))) if argument else ASPECTS
    for aspect in wanted:
        if aspect not in ASPECTS:
            raise UsageError(f"'spans' knows no aspect {aspect!r}.", f"There are: {', '.join(ASPECTS)}.")
    return wanted


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence and where it begins."""

    text: str
    at: int


def sentences(text: str) -> list[Span]:
    """The sentences of a text; a line's end ends one too.

    Args:
        text: any.
    """
    return [Span(match.group(), match.start()) for match in _SENTENCE.finditer(text)]


class SpansCritic:
    """See the module.

    Args:
        aspects: by which sentences are judged; the model is asked once for each.
    """

    name = "spans"

    def __init__(self, aspects: Sequence[str] = ASPECTS) -> None:
        self._aspects = aspects

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        async def judge(attempt: Attempt, context: CriticContext) -> Critique:
            return await self._judge(task, attempt, context)

        return await review_each(attempts, judge, context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        spans = sentences(attempt.text)[:MOST_SENTENCES]
        if not spans:
            return Critique(attempt.id, self.name, "abstain")
        question = f"{task.question}\n\n{task.context}".strip()
        told = await review_parts({aspect: partial(_points, question, spans, aspect) for aspect in self._aspects},
                                  context)
        found = {aspect: points for aspect, points in zip(self._aspects, told, strict=True) if points is not None}
        if not found:
            return Critique(attempt.id, self.name, "abstain", "no verdict could be read")
        origin: Origin = "actor" if context.model == attempt.author else "model"
        evidence = tuple(_evidence(aspect, points, len(spans), context.model, origin)
                         for aspect, points in found.items())
        score = sum(1 - len(points) / len(spans) for points in found.values()) / len(found)
        bad = sorted(number for points in found.values() for number in points)
        if bad:
            step = step_at(attempt.text, spans[bad[0]].at)
            return Critique(attempt.id, self.name, "revise", _feedback(found, spans), evidence, score, step)
        whole = len(found) == len(self._aspects)
        return Critique(attempt.id, self.name, "accept" if whole else "abstain", "", evidence, score)


async def _points(question: str, spans: Sequence[Span], aspect: str, context: CriticContext) -> dict[int, str] | None:
    """What is wrong with which sentence, in the eyes of the model; what is said of a sentence that there is not is
    dropped. None when the reply can't be read, or says nothing else."""
    asked = render("spans", question=question, sentences=[_shown(span) for span in spans], aspect=aspect)
    messages = [Message("system", render("spans_system")), Message("user", asked)]
    number: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": len(spans)}
    replies = await context.ask(messages, schema=schema_of("sentence", number), max_tokens=300)
    points = points_in(replies[0].text, NumberedPoint) if replies else None
    if points is None:
        return None
    found: dict[int, str] = {}
    for point in points:
        if 1 <= point.sentence <= len(spans):
            found.setdefault(point.sentence - 1, point.problem)
    return found if found or not points else None


def _shown(span: Span) -> str:
    return defused(head_and_tail(span.text, SENTENCE_CHARS))


def _evidence(aspect: str, points: Mapping[int, str], count: int, model: str, origin: Origin) -> Evidence:
    if not points:
        return Evidence(EvidenceClass.OPINION, "supports", f"{aspect}: nothing is wrong with {count} sentences", model,
                        origin, "part")
    first = min(points)
    return Evidence(EvidenceClass.OPINION, "refutes", f"{aspect}: {len(points)} of {count} sentences have a fault; "
                    f"sentence {first + 1}: {points[first][:200]}", model, origin, "part", len(points) / count)


def _feedback(found: Mapping[str, Mapping[int, str]], spans: Sequence[Span]) -> str:
    wrong: dict[int, list[str]] = {}
    for aspect, points in found.items():
        for number, problem in points.items():
            wrong.setdefault(number, []).append(f"missing after it: {problem}" if aspect == MISSING
                                                else f"{aspect}: {problem}")
    lines = [f'"{spans[number].text}"\n- {"; ".join(problems)}' for number, problems in sorted(wrong.items())]
    return "\n".join(["Only this is to be changed:", *lines, "Leave every other sentence as it is, word for word."])
