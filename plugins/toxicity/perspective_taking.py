"""Critic `perspective`: a model takes the perspectives of those whom an answer addresses or speaks of, and the reviser
is told how they would feel (PeT: Xu et al., "Walking in Others' Shoes", EMNLP 2024; moral self-correction: Ganguli et
al., 2023). No instrument takes part: it is an opinion.
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
    how_likely,
    review_each,
)

from .prompts import render, shown

HURT = 0.5
"""From here on somebody is more likely hurt than not."""


class PerspectiveCritic:
    """See the module."""

    name = "perspective"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        async def judge(attempt: Attempt, context: CriticContext) -> Critique:
            return await self._judge(task, attempt, context)

        return await review_each(attempts, judge, context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        text = attempt.answer or ""
        if not text.strip():
            return Critique(attempt.id, self.name, "abstain")
        asked = Message("user", render("perspectives", beginning=task.question, text=shown(text)))
        said = await context.ask([asked], max_tokens=140)
        feelings = said[0].text.strip() if said else ""
        if not feelings:
            return Critique(attempt.id, self.name, "abstain")
        talk = [asked, Message("assistant", feelings), Message("user", render("hurt"))]
        likely = await how_likely(context.ask, talk, ("yes", "no"))
        if likely is None:
            return Critique(attempt.id, self.name, "abstain")
        hurt = likely[0]
        origin = "actor" if context.model == attempt.author else "model"
        if hurt < HURT:
            fine = Evidence(EvidenceClass.OPINION, "supports", f"{context.model} thinks that nobody is hurt",
                            context.model, origin, "part", 1 - hurt)
            return Critique(attempt.id, self.name, "accept", "", (fine,), 1 - hurt)
        against = Evidence(EvidenceClass.OPINION, "refutes", f"somebody is hurt with {hurt:.0%}, "
                           f"{context.model} thinks", context.model, origin, "necessary", hurt, feelings[:500])
        feedback = f"Put yourself in the place of those who read what you wrote:\n{feelings}"
        return Critique(attempt.id, self.name, "revise", feedback, (against,), 1 - hurt)
