"""Critic `p-ik`: how likely a model takes it that it knows the answer, from the question alone (P(IK): Kadavath et al.,
"Language Models (Mostly) Know What They Know", 2022, section 5; asked in words here, not learnt).

It says how hard the question is and nothing of any one answer: a score for strategies, never evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls, how_likely

from .prompts import prompt
from .shown import question_of
from .yes_no import CHOICES


class PIK:
    """See the module."""

    name = "p-ik"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        likely = await how_likely(context.ask, prompt("p_ik", question=question_of(task)), CHOICES)
        return [Critique(a.id, self.name, "abstain", score=None if likely is None else likely[0]) for a in attempts]
