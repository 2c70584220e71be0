"""A judgement in words and a number, as a model is asked for it and as it is read (Critique-out-Loud: Ankner et al.,
"Critique-out-Loud Reward Models", 2024): first the critique, then the score that follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix import Attempt, CriticContext, Evidence, Message, Task, fence, read_object

from .prompts import prompt
from .shown import answer_of, question_of

TOP = 10
TEMPERATURE = 0.7
"""Of several judgements of one answer."""
MAX_TOKENS = 320
CRITIQUE: Mapping[str, Any] = {"type": "string", "maxLength": 600}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"critique": CRITIQUE, "score": {"type": "integer", "minimum": 0, "maximum": TOP}},
    "required": ["critique", "score"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judgement of one answer."""

    critique: str
    score: float
    """0 to 1."""


def read_judgement(reply: str) -> Judgement | None:
    """Read the object of `SCHEMA`; None when it is not there, or its score is no number from 0 to 10."""
    fields = read_object(reply) or {}
    score, critique = fields.get("score"), fields.get("critique", "")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= TOP:
        return None
    return Judgement(critique if isinstance(critique, str) else "", score / TOP)


async def judgements(task: Task, attempt: Attempt, context: CriticContext, count: int,
                     found: Sequence[Evidence] = ()) -> list[Judgement]:
    """Have an answer judged.

    Args:
        task: what was asked.
        attempt: the answer.
        context: asks the model.
        count: so many judgements; one alone is not left to chance.
        found: what tools found in the answer before.

    Returns:
        Those that can be read.
    """
    asked = prompt("judge_absolute", question=question_of(task), answer=answer_of(attempt), found=told(found))
    replies = await sampled(context, asked, SCHEMA, count)
    return [judgement for reply in replies if (judgement := read_judgement(reply)) is not None]


async def sampled(context: CriticContext, messages: Sequence[Message], schema: Mapping[str, Any],
                  count: int) -> list[str]:
    """Ask one question so many times; once alone is not left to chance."""
    temperature = TEMPERATURE if count > 1 else 0.0
    replies = await context.ask(messages, schema=schema, temperature=temperature, max_tokens=MAX_TOKENS, n=count)
    return [reply.text for reply in replies]


def told(found: Sequence[Evidence]) -> str:
    """What tools found, as it enters a prompt."""
    return "\n".join(fence(f"{e.summary}\n{e.detail}".strip(), e.author, 800) for e in found)
