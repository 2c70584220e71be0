"""Critic `p-true`: how likely a model takes an answer to be true, shown what else was answered (Kadavath et al.,
"Language Models (Mostly) Know What They Know", 2022, section 4).

The other samples are shown as brainstormed ideas, which makes the probability a better calibrated one. It is the mean
over both ways to letter the options, because models favour a letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls, how_likely, review_each

from .opinions import opinion
from .prompts import prompt
from .shown import answer_of, idea_of, question_of

MOST_IDEAS = 5
_LETTERS = ("A", "B")


class PTrue:
    """See the module."""

    name = "p-true"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        ideas = [idea_of(a) for a in context.tree.attempts if a.id != attempt.id and a.answer is not None]
        true: list[float] = []
        for number, options in enumerate((("True", "False"), ("False", "True"))):
            asked = prompt("p_true", question=question_of(task), answer=answer_of(attempt), ideas=ideas[:MOST_IDEAS],
                           options=options)
            likely = await how_likely(context.ask, asked, _LETTERS)
            if likely is None:
                return Critique(attempt.id, self.name, "abstain")
            true.append(likely[number])
        score = fmean(true)
        return opinion(attempt, self.name, context, score, f"{context.model} takes it to be true with {score:.0%}")
