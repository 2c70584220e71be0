"""Critic `yes-no`: how likely "Yes" is, against "No", as the answer to a question that states the wish (ZYN: Gallego,
"ZYN: Zero-Shot Reward Models with Yes-No Questions", 2023). One pass over the answer, and one token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls, how_likely, review_each

from .opinions import opinion
from .prompts import prompt
from .shown import answer_of, question_of

WISH = "Is the answer above correct?"
CHOICES = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class YesNo:
    """See the module.

    Args:
        wish: a question that "Yes" answers where the attempt is as it should be.
    """

    wish: str = WISH
    name: str = "yes-no"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        asked = prompt("yes_no", question=question_of(task), answer=answer_of(attempt), wish=self.wish)
        likely = await how_likely(context.ask, asked, CHOICES)
        if likely is None:
            return Critique(attempt.id, self.name, "abstain")
        says = f"{context.model} says Yes to {self.wish!r} with {likely[0]:.0%}"
        feedback = f"The answer to this question should be Yes, and is not: {self.wish}"
        return opinion(attempt, self.name, context, likely[0], says, feedback=feedback if likely[0] < 0.5 else "")
