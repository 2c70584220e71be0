"""Critic `look-back`: the critic looks at the pictures again for each single claim of an answer (VISCO: Wu et al.,
"VISCO: Benchmarking Fine-Grained Critique and Correction Towards Self-Improvement in Visual Reasoning",
2024, LookBack).

Asked about a whole answer, a model that sees goes by how it reads; asked about one claim beside the picture, it looks.
The weakest claim decides. Where the task has no picture it has nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Task,
    ToolCalls,
    defused,
    head_and_tail,
    how_likely,
    review_each,
    review_parts,
    steps_of,
)

from .opinions import opinion
from .prompts import prompt
from .shown import question_of
from .yes_no import CHOICES

MOST_CLAIMS = 12
"""Of an answer that makes more, the first are looked up, and it is never accepted."""
_CLAIM_CHARS = 400
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")


def claims_of(text: str) -> list[str]:
    """What a text claims, sentence by sentence.

    Args:
        text: as the model wrote it.
    """
    sentences = (sentence.strip() for step in steps_of(text) for sentence in _SENTENCE_ENDS.split(step))
    return [sentence for sentence in sentences if any(character.isalnum() for character in sentence)]


class LookBack:
    """See the module."""

    name = "look-back"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        if not task.images:
            return [Critique(attempt.id, self.name, "abstain", "There is no picture to look at.")
                    for attempt in attempts]
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        claims = claims_of(attempt.text)
        shown = [defused(head_and_tail(claim, _CLAIM_CHARS)) for claim in claims[:MOST_CLAIMS]]
        looked = await review_parts({str(n): partial(_seen, task, claim) for n, claim in enumerate(shown)}, context)
        likely = [one for one in looked if one is not None]
        if not likely:
            return Critique(attempt.id, self.name, "abstain")
        weakest = min(likely)
        at = looked.index(weakest)
        if weakest > 0.5 and len(likely) < len(claims):  # what was not looked up may be wrong
            return Critique(attempt.id, self.name, "abstain", score=weakest)
        says = f"{context.model} sees {'each' if weakest > 0.5 else 'not each'} of {len(claims)} claims in the picture"
        feedback = "" if weakest > 0.5 else f"Look at the picture again. It does not show this: {shown[at]}"
        detail = "\n".join(f"{one:.0%} {claim}" for one, claim in zip(looked, shown, strict=True) if one is not None)
        return opinion(attempt, self.name, context, weakest, says, feedback=feedback, detail=detail)


async def _seen(task: Task, claim: str, context: CriticContext) -> float | None:
    """How likely a picture shows what is claimed; None when the model does not say."""
    [message] = prompt("look_back", question=question_of(task), claim=claim)
    likely = await how_likely(context.ask, (replace(message, images=task.images),), CHOICES)
    return None if likely is None else likely[0]
