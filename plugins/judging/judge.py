"""Critic `judge`: a model writes a critique and then says what the answer is worth (Critique-out-Loud: Ankner et al.,
2024; "Generative Reward Models": Mahan et al., 2024; Con-J: Ye et al., 2024).

`absolute` asks for a score from 0 to 10, `classes` for one of right, wrong and can't tell, and `pairwise` which of two
answers is better. Several judgements are averaged, or the majority of them counts. Tools that can check claims are
asked first, and the judge is shown what they found (Themis: Li et al., "Tool-Augmented Reward Modeling", ICLR 2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any, Literal, TypeAlias

from agentfix import (
    Attempt,
    Claim,
    CriticContext,
    Critique,
    Evidence,
    Task,
    ToolCalls,
    UsageError,
    VerdictWord,
    read_object,
    review_each,
)

from .arguments import count
from .judging import CRITIQUE, judgements, sampled, told
from .lengths import with_length_told
from .opinions import opinion
from .pairwise import by_pairs
from .prompts import prompt
from .shown import answer_of, question_of

Form: TypeAlias = Literal["absolute", "pairwise", "classes"]
_FORMS: Mapping[str, Form] = {"absolute": "absolute", "pairwise": "pairwise", "classes": "classes"}
_CLASSES: Mapping[str, tuple[VerdictWord, float]] = {
    "right": ("accept", 1.0), "wrong": ("revise", 0.0), "can't tell": ("abstain", 0.5)}
_CLASS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"critique": CRITIQUE, "class": {"enum": [*_CLASSES]}},
    "required": ["critique", "class"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Judge:
    """See the module.

    Args:
        form: what is asked for.
        count: so many judgements of each answer, or of each pair in each order.
    """

    form: Form = "absolute"
    count: int = 1
    name: str = "judge"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        if self.form == "pairwise":
            critiques = await by_pairs(task, attempts, context, self.count, self.name)
        else:
            judge = self._scored if self.form == "absolute" else self._classed
            critiques = await review_each(attempts, partial(judge, task), context)
        return with_length_told(critiques, attempts)

    async def _scored(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        found = await _found(task, attempt, context)
        read = await judgements(task, attempt, context, self.count, found)
        if not read:
            return Critique(attempt.id, self.name, "abstain")
        score = fmean(judgement.score for judgement in read)
        typical = min(read, key=lambda judgement: abs(judgement.score - score))
        says = f"{context.model} gives it {10 * score:.3g} of 10"
        return opinion(attempt, self.name, context, score, says, feedback=typical.critique,
                       detail=_reasons(typical.critique, found))

    async def _classed(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        found = await _found(task, attempt, context)
        asked = prompt("judge_classes", question=question_of(task), answer=answer_of(attempt), found=told(found))
        read = [each for reply in await sampled(context, asked, _CLASS_SCHEMA, self.count)
                if (each := _read_class(reply)) is not None]
        if not read:
            return Critique(attempt.id, self.name, "abstain")
        most, votes = Counter(label for label, _ in read).most_common(1)[0]
        verdict = _CLASSES[most][0] if 2 * votes > len(read) else "abstain"
        critique = next(critique for label, critique in read if label == most)
        says = f"{context.model} finds it {most}" + (f" ({votes} of {len(read)} times)" if len(read) > 1 else "")
        return opinion(attempt, self.name, context, fmean(_CLASSES[label][1] for label, _ in read), says,
                       feedback=critique, detail=_reasons(critique, found), verdict=verdict)


def read_form(argument: str) -> Judge:
    """Read `[absolute|pairwise|classes][:K]`.

    Raises:
        UsageError: it is something else.
    """
    first, _, rest = argument.partition(":")
    form = _FORMS.get(first)
    if form is None and argument and not first.isdigit():
        raise UsageError(f"'judge' has no form {first!r}: there are {', '.join(_FORMS)}.",
                         "Write for example judge:pairwise, or judge:absolute:3 for three judgements.")
    if form is None:
        return Judge("absolute", count("judge", argument, 1))
    return Judge(form, count("judge", rest, 1))


def _read_class(reply: str) -> tuple[str, str] | None:
    fields = read_object(reply) or {}
    label, critique = fields.get("class"), fields.get("critique", "")
    if not isinstance(label, str) or label not in _CLASSES:
        return None
    return label, critique if isinstance(critique, str) else ""


async def _found(task: Task, attempt: Attempt, context: CriticContext) -> list[Evidence]:
    """What the tools that can check claims find in an answer."""
    claim = Claim(attempt.text, question=task.question)
    asked = [await context.verify(tool.name, claim) for tool in context.tools
             if tool.verifies and not tool.side_effects]
    return [found for found in asked if found is not None]


def _reasons(critique: str, found: Sequence[Evidence]) -> str:
    return "\n".join([critique, *(f"{e.author}: {e.summary}" for e in found)]).strip()
