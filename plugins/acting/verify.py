"""Critic `verify`: every tool that can check claims is asked whether the answer holds. Adding a tool adds a check.

Tools with side effects are not asked: what they check is their own acts, which is critic `effects`' business.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Attempt, Claim, CriticContext, Critique, Task, ToolCalls


class VerifyCritic:
    """See the module."""

    name = "verify"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return [await self._judge(task, attempt, context) for attempt in attempts]

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        claim = Claim(attempt.answer or "", question=task.question)
        found = [await context.verify(tool.name, claim) for tool in context.tools
                 if tool.verifies and not tool.side_effects]
        evidence = tuple(each for each in found if each is not None)
        against = next((each for each in evidence if each.polarity == "refutes"), None)
        if against is None:
            return Critique(attempt.id, self.name, "accept" if evidence else "abstain", "", evidence)
        said = f"{against.summary}\n{against.detail}".strip()
        return Critique(attempt.id, self.name, "revise", f"{against.author} says: {said}", evidence)
