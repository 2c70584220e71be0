"""Critic `first-error`: a model reads the numbered steps of an attempt once and says which is the first wrong one.

The question is that of ProcessBench (Zheng et al., 2024, section 2). What it says is an opinion, and where the step is,
strategies go back to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Task,
    ToolCalls,
    defused,
    head_and_tail,
    read_object,
    review_each,
    steps_of,
)

from .prompts import render

NAME = "first-error"
LONGEST_STEP = 1000
"""Characters of a step that are shown."""
QUOTED = 200
"""Characters of the wrong step that its author is reminded of."""
MOST_STEPS = 80
"""A wrong step behind them is not found."""


class FirstErrorCritic:
    """See the module."""

    name = NAME

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        async def judge(attempt: Attempt, context: CriticContext) -> Critique:
            return await self._judge(task, attempt, context)

        return await review_each(attempts, judge, context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        written = () if attempt.steps else steps_of(attempt.text)
        steps = [defused(head_and_tail(step, LONGEST_STEP)) for step in written[:MOST_STEPS]]
        if not steps:
            return Critique(attempt.id, self.name, "abstain", "It has no steps of text.")
        prompt = render("first_error", question=task.question, context=task.context, steps=steps)
        replies = await context.ask([Message("user", prompt)], schema=_schema(len(steps)), max_tokens=160)
        found = read_step(replies[0].text if replies else "", len(steps))
        if found is None:
            return Critique(attempt.id, self.name, "abstain")
        step, feedback = found
        if step is None and len(written) > len(steps):
            return Critique(attempt.id, self.name, "abstain", f"Only its first {len(steps)} steps were read.")
        which = "finds no wrong step" if step is None else f"takes step {step + 1} of {len(steps)} for wrong"
        opinion = Evidence(EvidenceClass.OPINION, "supports" if step is None else "refutes",
                           f"{context.model} {which}", context.model,
                           "actor" if context.model == attempt.author else "model", detail=feedback)
        if step is None:
            return Critique(attempt.id, self.name, "accept", "", (opinion,))
        told = f"This step is wrong:\n{steps[step][:QUOTED]}\n{feedback}".strip()
        return Critique(attempt.id, self.name, "revise", told, (opinion,), step=step)


def _schema(count: int) -> Mapping[str, Any]:
    """Of the reply. The reason comes first, and there are no steps but those shown."""
    return {
        "type": "object",
        "properties": {"feedback": {"type": "string", "maxLength": 300},
                       "first_wrong_step": {"enum": list(range(-1, count))}},
        "required": ["feedback", "first_wrong_step"],
        "additionalProperties": False,
    }


def read_step(reply: str, count: int) -> tuple[int | None, str] | None:
    """Read a reply of the schema, alone or in a code fence.

    Args:
        reply: anything.
        count: how many steps there are.

    Returns:
        The first wrong step, or None where none is, with the reason; None when it can't be read.
    """
    fields = read_object(reply) or {}
    step, feedback = fields.get("first_wrong_step"), fields.get("feedback")
    if isinstance(step, bool) or not isinstance(step, int) or not -1 <= step < count:
        return None
    return None if step < 0 else step, feedback if isinstance(feedback, str) else ""
