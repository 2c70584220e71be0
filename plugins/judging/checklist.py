"""Critic `checklist`: what a good answer must do is written down from the question alone, and each requirement is
answered by itself (Cook et al., "TICKing All the Boxes: Generated Checklists Improve LLM Evaluation and Generation",
2024). Small models say yes or no better than they criticise.

The list is made once for all attempts of a review, before any of them is read. A requirement that is met supports an
answer in part; meeting all of them still does not prove it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Task,
    ToolCalls,
    how_likely,
    read_object,
    review_each,
)

from .opinions import origin_of, verdict_of
from .prompts import prompt
from .shown import answer_of, question_of
from .yes_no import CHOICES

MOST = 6
MOST_WEIGHT = 3
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"requirements": {
        "type": "array", "minItems": 1, "maxItems": MOST,
        "items": {
            "type": "object",
            "properties": {"requirement": {"type": "string", "maxLength": 160},
                           "weight": {"type": "integer", "minimum": 1, "maximum": MOST_WEIGHT}},
            "required": ["requirement", "weight"],
            "additionalProperties": False,
        }}},
    "required": ["requirements"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A question that "Yes" answers where the requirement is met."""

    text: str
    weight: int = 1


class Checklist:
    """See the module."""

    name = "checklist"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        replies = await context.ask(prompt("checklist_write", question=question_of(task)), schema=_SCHEMA,
                                    max_tokens=400)
        requirements = read_requirements(replies[0].text) if replies else ()
        return await review_each(attempts, partial(self._judge, task, requirements), context)

    async def _judge(self, task: Task, requirements: Sequence[Requirement], attempt: Attempt,
                     context: CriticContext) -> Critique:
        answered: list[tuple[Requirement, float]] = []
        for requirement in requirements:
            asked = prompt("checklist_answer", question=question_of(task), answer=answer_of(attempt),
                           requirement=requirement.text)
            likely = await how_likely(context.ask, asked, CHOICES)
            if likely is not None:
                answered.append((requirement, likely[0]))
        if not answered:
            return Critique(attempt.id, self.name, "abstain")
        score = sum(r.weight * met for r, met in answered) / sum(r.weight for r, _ in answered)
        words = {verdict_of(met) for _, met in answered}
        if len(answered) < len(requirements):
            words.add("abstain")
        verdict = "revise" if "revise" in words else "abstain" if "abstain" in words else "accept"
        unmet = [requirement.text for requirement, met in answered if verdict_of(met) == "revise"]
        feedback = "The answer does not meet this yet:\n" + "\n".join(f"- {text}" for text in unmet) if unmet else ""
        evidence = tuple(_evidence(r, met, attempt, context) for r, met in answered if verdict_of(met) != "abstain")
        return Critique(attempt.id, self.name, verdict, feedback, evidence, score)


def read_requirements(reply: str) -> tuple[Requirement, ...]:
    """Read the requirements that a model wrote, at most six; what is none is left out."""
    listed = (read_object(reply) or {}).get("requirements")
    found: list[Requirement] = []
    for each in cast("list[object]", listed) if isinstance(listed, list) else ():
        if not isinstance(each, dict):
            continue
        fields = cast("Mapping[str, object]", each)
        text, weight = fields.get("requirement"), fields.get("weight")
        if isinstance(text, str) and text.strip():
            known = isinstance(weight, int) and not isinstance(weight, bool) and 1 <= weight <= MOST_WEIGHT
            found.append(Requirement(text.strip(), cast("int", weight) if known else 1))
    return tuple(found[:MOST])


def _evidence(requirement: Requirement, met: float, attempt: Attempt, context: CriticContext) -> Evidence:
    polarity = "supports" if verdict_of(met) == "accept" else "refutes"
    return Evidence(EvidenceClass.OPINION, polarity, f"{context.model} says {'Yes' if met > 0.5 else 'No'}: "
                    f"{requirement.text}", context.model, origin_of(attempt, context), "part",
                    requirement.weight * abs(2 * met - 1))
