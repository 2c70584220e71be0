"""Probabilities of short answers, read from the log-probabilities of one token."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentfix.errors import InputError, ModelError
from agentfix.types import Completion


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
    weights = [0.0] * len(choices)
    wanted = [choice.strip().casefold() for choice in choices]
    for token, logprob in completion.logprobs[0].top:
        said = token.strip().casefold()
        meant = [i for i, choice in enumerate(wanted) if said and choice.startswith(said)]
        for i in meant:
            weights[i] += math.exp(logprob) / len(meant)
    total = sum(weights)
    return [weight / total if total else 1 / len(choices) for weight in weights]
