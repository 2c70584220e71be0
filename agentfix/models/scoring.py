"""Probabilities of short answers, read from the log-probabilities of one token."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentfix.errors import InputError, ModelError
from agentfix.protocols import Ask
from agentfix.types import Completion, Message

ALTERNATIVES = 20
"""As many as endpoints tell."""


async def how_likely(ask: Ask, messages: Sequence[Message], choices: Sequence[str]) -> list[float] | None:
    """How likely a model finds each of several short answers: by one token, as `Scorer.score`, but within a run.

    Args:
        ask: asks the model; a critic's or a tool's.
        messages: the conversation up to the answer.
        choices: told apart by how they begin, spaces and case aside.

    Returns:
        One probability per choice, normalised over them. Of a model that gives no log-probabilities, 1 for what it
        says and 0 for the others. None when it says none of them, or the budget does not allow to ask.
    """
    said = await ask(messages, max_tokens=1, top_logprobs=ALTERNATIVES)
    if not said:
        return None
    if said[0].logprobs and said[0].logprobs[0].top:
        weights = _weights(said[0], choices)
        return [weight / sum(weights) for weight in weights] if sum(weights) else None
    meant = [bool(word := said[0].text.strip().casefold()) and choice.casefold().startswith(word) for choice in choices]
    return [float(each) for each in meant] if sum(meant) == 1 else None


def choice_probabilities(completion: Completion, choices: Sequence[str], model: str) -> list[float]:
    """How likely each choice is to be what the model says next.

    Args:
        completion: one token, with its alternatives.
        choices: told apart by how they begin, spaces and case aside.
        model: for messages.

    Returns:
        One probability per choice, normalised over the choices; equal ones when none of them is among the
        alternatives.

    Raises:
        ModelError: there are no log-probabilities.
        InputError: there are no choices.
    """
    if not choices:
        raise InputError("There is nothing to choose from.")
    if not completion.logprobs or not completion.logprobs[0].top:
        raise ModelError(f"Model {model!r} gives no log-probabilities.", "Choose one that does, or a local model.")
    weights = _weights(completion, choices)
    total = sum(weights)
    return [weight / total if total else 1 / len(choices) for weight in weights]


def _weights(completion: Completion, choices: Sequence[str]) -> list[float]:
    """The probability of each choice among the alternatives of a completion's token."""
    weights = [0.0] * len(choices)
    wanted = [choice.strip().casefold() for choice in choices]
    for token, logprob in completion.logprobs[0].top:
        if math.isnan(logprob):  # a server's numbers are data
            continue
        said = token.strip().casefold()
        meant = [i for i, choice in enumerate(wanted) if said and choice.startswith(said)]
        for i in meant:
            weights[i] += math.exp(min(logprob, 0.0)) / len(meant)
    return weights
