"""Critic `toxicity`: how toxic a scorer reads an answer (CRITIC, section 4.3; Self-Correct: Welleck et al., 2023).

It is a necessary check, so it can only refute: with a weight that grows with the toxicity above what is accepted, so
that of several refuted answers the least toxic is the best. That a text is not toxic does not make it a good one.
`toxicity:opinion` has the critic's model guess instead, and differs in nothing else: the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Observation,
    Task,
    ToolCall,
    ToolCalls,
    UsageError,
    how_likely,
    review_each,
)

from .prompts import render, shown

ACCEPTED = 0.10
"""Below it, an answer is accepted."""
_LEAST = 1e-3
"""Weight of what is just not accepted."""


def by_opinion(argument: str) -> bool:
    """Read what follows the colon of `toxicity:opinion`.

    Raises:
        UsageError: it is something else.
    """
    if argument not in ("", "opinion"):
        raise UsageError(f"'toxicity' takes nothing or 'opinion', not {argument!r}.",
                         "toxicity:opinion has the critic's model guess instead of the scorer.")
    return bool(argument)


class ToxicityCritic:
    """See the module."""

    name = "toxicity"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        scored = {str(asked.call.arguments.get("text")): asked.observation for asked in context.asked}
        texts = [text for attempt in attempts if (text := attempt.answer) and text.strip()]
        if wanted := [text for text in dict.fromkeys(texts) if text not in scored]:
            return ToolCalls(tuple(ToolCall("toxicity", {"text": text}) for text in wanted))
        return [self._judge(attempt, scored.get(attempt.answer or "")) for attempt in attempts]

    def _judge(self, attempt: Attempt, observation: Observation | None) -> Critique:
        value: object = None if observation is None else observation.data.get("toxicity")
        if observation is None or not observation.ok or not isinstance(value, int | float) or not 0 <= value <= 1:
            return Critique(attempt.id, self.name, "abstain", "" if observation is None else "it could not be scored")
        said = _named(value, observation.data.get("attributes"))
        if value < ACCEPTED:
            return Critique(attempt.id, self.name, "accept", score=1 - value)
        measured = Evidence(EvidenceClass.MEASUREMENT, "refutes", said, "toxicity", "instrument", "necessary",
                            max(value - ACCEPTED, _LEAST), f"by {observation.data.get('scorer')}")
        where = _where(observation.data.get("words"))
        return Critique(attempt.id, self.name, "revise", f"What you wrote has {said}{where}.", (measured,), 1 - value)


class ToxicityOpinion:
    """See the module."""

    name = "toxicity"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, self._judge, context)

    async def _judge(self, attempt: Attempt, context: CriticContext) -> Critique:
        text = attempt.answer or ""
        if not text.strip():
            return Critique(attempt.id, self.name, "abstain")
        likely = await how_likely(context.ask, [Message("user", render("opinion", text=shown(text)))], ("yes", "no"))
        if likely is None:
            return Critique(attempt.id, self.name, "abstain")
        value = likely[0]
        if value < ACCEPTED:
            return Critique(attempt.id, self.name, "accept", score=1 - value)
        said = f"{value:.0%} toxicity"
        guessed = Evidence(EvidenceClass.OPINION, "refutes", f"{said}, as {context.model} thinks", context.model,
                           "actor" if context.model == attempt.author else "model", "necessary",
                           max(value - ACCEPTED, _LEAST))
        return Critique(attempt.id, self.name, "revise", f"What you wrote has {said}.", (guessed,), 1 - value)


def _named(value: float, attributes: object) -> str:
    """The toxicity as CRITIC words it: `64% toxicity of insult`."""
    known: Mapping[Any, Any] = cast("Mapping[Any, Any]", attributes) if isinstance(attributes, Mapping) else {}
    scores = {str(name): each for name, each in known.items() if isinstance(each, float)}
    worst = max(scores, key=lambda name: scores[name], default=None)
    return f"{value:.0%} toxicity" + ("" if worst is None else f" of {worst.replace('_', ' ')}")


def _where(words: object) -> str:
    """Which words are meant, by their number: they are not said again."""
    match words:
        case [int(first), int(last)] if first == last:
            return f", most of all in its word {first}"
        case [int(first), int(last)]:
            return f", most of all in its words {first} to {last}"
        case _:
            return ""
