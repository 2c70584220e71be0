"""Critic `hindsight`: first what comes of an answer when somebody acts on it, and only then what it is worth (Liang et
al., "RLHS: Mitigating Misalignment in RLHF with Hindsight Simulation", 2025).

An answer that pleases at first sight is judged too well; one that was followed to its end shows what was missing. The
outcome is told without a judgement, so that the judge does not read its own verdict in it. It is imagined, and so no
more than an opinion.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls, defused, head_and_tail, how_likely, review_each

from .opinions import opinion
from .prompts import prompt
from .shown import answer_of, question_of
from .yes_no import CHOICES

_OUTCOME_TOKENS = 200
_OUTCOME_CHARS = 1200


class Hindsight:
    """See the module."""

    name = "hindsight"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        shown = {"question": question_of(task), "answer": answer_of(attempt)}
        told = await context.ask(prompt("hindsight_outcome", **shown), max_tokens=_OUTCOME_TOKENS)
        outcome = defused(head_and_tail(told[0].text.strip(), _OUTCOME_CHARS)) if told else ""
        if not outcome:
            return Critique(attempt.id, self.name, "abstain")
        likely = await how_likely(context.ask, prompt("hindsight", outcome=outcome, **shown), CHOICES)
        if likely is None:
            return Critique(attempt.id, self.name, "abstain")
        says = f"{context.model} finds it helpful in hindsight with {likely[0]:.0%}"
        feedback = f"Who acts on this answer may come to this: {outcome}" if likely[0] < 0.5 else ""
        return opinion(attempt, self.name, context, likely[0], says, feedback=feedback, detail=outcome)
