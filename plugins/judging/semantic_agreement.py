"""Critic `semantic-agreement`: how many of the attempts give the same answer, as a confidence (Liang et al., "Internal
Consistency and Self-Feedback in Large Language Models: A Survey", 2024, section 4).

A score only. What independent attempts say of each other is evidence, and the engine's own: here it is not counted
again.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Attempt, CriticContext, Critique, Task, ToolCalls


class SemanticAgreement:
    """See the module."""

    name = "semantic-agreement"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        tree = context.tree
        answered = [tree.groups[a.id] for a in tree.attempts if a.answer is not None]
        return [Critique(a.id, self.name, "abstain", score=None if a.answer is None else
                         answered.count(tree.groups[a.id]) / len(answered)) for a in attempts]
