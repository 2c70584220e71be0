"""Critic `self-critique`: a model judges an answer by reading it. Its verdict is an opinion and weighs as one."""

from __future__ import annotations

from collections.abc import Sequence

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
)

_PROMPT = """\
Question:
{question}

Proposed answer:
{answer}

Check the proposed answer: does it answer what is asked, is every step right, is the result plausible? If you find a \
fault, say which and how to mend it. Finding nothing wrong is a good outcome too. Reply with JSON: "feedback" (at most \
two sentences), then "verdict": "accept", "revise", or "abstain" if you can't tell."""


class SelfCritique:
    """See the module."""

    name = "self-critique"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return [await self._judge(task, attempt, context) for attempt in attempts]

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        question = f"{task.question}\n\n{task.context}".strip()
        prompt = _PROMPT.format(question=question, answer=attempt.text)
        replies = await context.ask([Message("user", prompt)], schema=VERDICT_SCHEMA, max_tokens=200)
        verdict = read_verdict(replies[0].text)
        if verdict.word == "abstain":
            return Critique(attempt.id, self.name, "abstain", verdict.feedback)
        opinion = Evidence(
            EvidenceClass.OPINION, "supports" if verdict.word == "accept" else "refutes",
            f"{context.model} would {verdict.word} it", context.model,
            "actor" if context.model == attempt.author else "model", detail=verdict.feedback,
        )
        return Critique(attempt.id, self.name, verdict.word, verdict.feedback, (opinion,))
