"""Critic `step-value`: how likely the critic's model finds it that what was written so far is right, in one token.

The probability of "Yes" against "No" values steps in a search (LATS: Zhou et al., ICML 2024, section 4.1; Xie et al.,
NeurIPS 2023, section 3.1, read it the same way). It is an opinion.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    how_likely,
    review_each,
)

from .prompts import render
from .reading import VALUER

LONGEST = 6_000
"""Characters of an attempt that are shown; the end counts most."""


class StepValue:
    """See the module."""

    name = VALUER

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        async def judge(attempt: Attempt, own: CriticContext) -> Critique:
            question = f"{task.question}\n\n{task.context}".strip()
            prompt = render("step_value", question=question, text=defused(attempt.text[-LONGEST:]),
                            unfinished=attempt.unfinished)
            likely = await how_likely(own.ask, [Message("user", prompt)], ("Yes", "No"))
            return Critique(attempt.id, self.name, "abstain") if likely is None else self._said(
                attempt, likely[0], context.model)

        return await review_each(attempts, judge, context)

    def _said(self, attempt: Attempt, right: float, model: str) -> Critique:
        weight = abs(2 * right - 1)
        if weight == 0:
            return Critique(attempt.id, self.name, "abstain", score=right)
        likely = right > 0.5
        opinion = Evidence(
            EvidenceClass.OPINION, "supports" if likely else "refutes",
            f"{model} finds it right with probability {right:.2f}", model,
            "actor" if model == attempt.author else "model", weight=weight)
        return Critique(attempt.id, self.name, "accept" if likely else "revise", "", (opinion,), right)
