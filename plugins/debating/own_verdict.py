"""Critic `own-verdict`: a model judges its answer as the next turn of the conversation in which it gave it, as a
self-rewarding model does. Its verdict is an opinion, and of the actor itself where the critic's model is the actor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from agentfix import (
    VERDICT_SCHEMA,
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Task,
    ToolCalls,
    read_verdict,
    review_each,
)

from .prompts import render


class OwnVerdict:
    """See the module."""

    name = "own-verdict"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        question = f"{task.question}\n\n{task.context}".strip()
        turns = [Message("user", question), Message("assistant", attempt.text), Message("user", render("own_verdict"))]
        replies = await context.ask(turns, schema=VERDICT_SCHEMA, max_tokens=200)
        verdict = read_verdict(replies[0].text)
        if verdict.word == "abstain":
            return Critique(attempt.id, self.name, "abstain", verdict.feedback)
        found = Evidence(
            EvidenceClass.OPINION, "supports" if verdict.word == "accept" else "refutes",
            f"{context.model} would {verdict.word} its own answer" if context.model == attempt.author
            else f"{context.model} would {verdict.word} it",
            context.model, "actor" if context.model == attempt.author else "model", detail=verdict.feedback,
        )
        return Critique(attempt.id, self.name, verdict.word, verdict.feedback, (found,))
