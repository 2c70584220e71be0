"""Critic `if-or-else`: an answer that the model is confident of is kept, any other is to be revised (Li et al.,
"Confidence Matters: Revisiting Intrinsic Self-Correction Capabilities of Large Language Models", 2024).

The reviser is told of no fault, for none was looked for: what a model says against a right answer makes it give way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls, how_likely, review_each

from .opinions import SURE, opinion
from .prompts import prompt, text
from .shown import answer_of, question_of

_CHOICES = ("Confident", "Unsure")


class IfOrElse:
    """See the module."""

    name = "if-or-else"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        asked = prompt("if_or_else", question=question_of(task), answer=answer_of(attempt))
        likely = await how_likely(context.ask, asked, _CHOICES)
        if likely is None:
            return Critique(attempt.id, self.name, "abstain")
        score = likely[0]
        revise = text("if_or_else_revise")
        if 1 - SURE < score < SURE:  # too little for evidence, but confident it is not
            return Critique(attempt.id, self.name, "revise", revise, score=score)
        return opinion(attempt, self.name, context, score, f"{context.model} is confident of it with {score:.0%}",
                       feedback=revise if score < SURE else "")
