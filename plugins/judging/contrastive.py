"""Critic `contrastive`: a critique step by step against a reference solution (SCRIT: Tang et al., "Self-Evolving
Critique Ability in Large Language Models", 2025).

The reference is another independent attempt of the run that came to another answer, the best supported of them; where
there is none, one is derived from the question alone. It may be wrong itself, and the judge is told so. A critique
counts only if it names a step that there is, or says that none is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Standing,
    Task,
    ToolCalls,
    Tree,
    defused,
    head_and_tail,
    read_object,
    review_each,
    steps_of,
)

from .opinions import opinion
from .prompts import prompt
from .shown import ANSWER_CHARS, answer_of, question_of

_STATES = ("contested", "unsupported", "supported")
"""Of what can be a reference, the weakest first."""
_MOST_STEPS = 40
"""An attempt is judged by so many of its first steps."""
_STEP_CHARS = 300
_DERIVE_TOKENS = 450
_CRITIQUE_TOKENS = 320


class Contrastive:
    """See the module."""

    name = "contrastive"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        references = {a.id: found for a in attempts if (found := reference_for(a, context.tree)) is not None}
        derived = "" if len(references) == len(attempts) else await _derived(task, context)

        async def judge(attempt: Attempt, context: CriticContext) -> Critique:
            reference = references.get(attempt.id)
            return await self._judge(task, attempt, derived if reference is None else answer_of(reference), context)

        return await review_each(attempts, judge, context)

    async def _judge(self, task: Task, attempt: Attempt, reference: str, context: CriticContext) -> Critique:
        written = steps_of(attempt.text)
        steps = [defused(head_and_tail(step, _STEP_CHARS)) for step in written[:_MOST_STEPS]]
        if not steps or not reference:
            return Critique(attempt.id, self.name, "abstain")
        asked = prompt("contrastive", question=question_of(task), reference=reference, steps=steps)
        replies = await context.ask(asked, schema=_schema(len(steps)), max_tokens=_CRITIQUE_TOKENS)
        read = _read(replies[0].text) if replies else None
        if read is None or not _exists(read[0], steps):
            return Critique(attempt.id, self.name, "abstain")
        number, comparison, correction = read
        if number == 0 and len(written) > len(steps):
            return Critique(attempt.id, self.name, "abstain", f"Only its first {len(steps)} steps were read.")
        step = number - 1 if number else None
        says = f"{context.model} finds {'no wrong step' if step is None else f'step {number} wrong'} beside a reference"
        feedback = "" if step is None else f"Step {number} is wrong: {steps[number - 1]}\n{comparison}\n{correction}"
        critique = opinion(attempt, self.name, context, float(step is None), says, feedback=feedback.strip(),
                           detail=f"{comparison}\n{correction}".strip())
        return replace(critique, step=step)


def reference_for(attempt: Attempt, tree: Tree) -> Attempt | None:
    """The attempt that another is held against: it has another answer, was not made from the same one, nothing refutes
    it, and of all such it is the best supported; of equals, the one whose answer most attempts give.

    Args:
        attempt: what is to be judged.
        tree: of the run.
    """
    own = tree.groups[attempt.id]
    found = [a for a in tree.attempts if a.answer is not None and tree.groups[a.id] != own
             and _root(a, tree) != _root(attempt, tree) and tree.standings[a.id].state in _STATES]
    return max(found, key=lambda a: (_support(tree.standings[a.id]), tree.groups.count(tree.groups[a.id]), -a.id),
               default=None)


def _support(standing: Standing) -> tuple[int, int, float]:
    return _STATES.index(standing.state), int(standing.kind or 0), standing.weight


def _root(attempt: Attempt, tree: Tree) -> int:
    """The attempt made from the question alone that an attempt goes back to."""
    while attempt.parent is not None:
        attempt = tree.attempts[attempt.parent]
    return attempt.id


async def _derived(task: Task, context: CriticContext) -> str:
    replies = await context.ask(prompt("contrastive_derive", question=question_of(task)), max_tokens=_DERIVE_TOKENS)
    return head_and_tail(replies[0].text.strip(), ANSWER_CHARS) if replies else ""


def _exists(number: int, steps: Sequence[str]) -> bool:
    """Whether there is such a step: the marks of a code block are none. 0 names no step, which is possible."""
    return number == 0 or (1 <= number <= len(steps) and not steps[number - 1].lstrip().startswith("```"))


def _schema(steps: int) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {
            "comparison": {"type": "string", "maxLength": 500},
            "step": {"type": "integer", "minimum": 0, "maximum": steps},
            "correction": {"type": "string", "maxLength": 300},
        },
        "required": ["comparison", "step", "correction"],
        "additionalProperties": False,
    }


def _read(reply: str) -> tuple[int, str, str] | None:
    """The number of the first wrong step, what was compared, and the correction."""
    fields = read_object(reply) or {}
    step = fields.get("step")
    if isinstance(step, bool) or not isinstance(step, int):
        return None
    comparison, correction = (fields.get(name) for name in ("comparison", "correction"))
    return (step, comparison if isinstance(comparison, str) else "",
            correction if isinstance(correction, str) else "")
