"""How much context a model gets where nobody says: by what it was trained for and the memory that is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_ON_CPU, MOST_ON_GPU = 16_384, 32_768
"""The most that is taken unasked. A CPU reads a prompt half as fast while 32,768 tokens of others are kept, and at two
thirds of its speed with 16,384."""
LEAST_TOKENS = 4096
"""A question with its attempts, tests and critique."""
SHARE = 0.25
"""Of the memory that is free: others want some too."""
SEQUENCES, LEAST_SEQUENCES = 128, 8
"""How many sequences the cache tells apart. llama.cpp's own limit is 256."""
STEP_TOKENS = 256
"""llama.cpp rounds to these."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the cache of a model takes."""

    trained_tokens: int
    token_bytes: int
    sequence_bytes: int = 0
    """For each sequence, however long it is: the state of a recurrent model."""


@dataclass(frozen=True, slots=True)
class Place:
    """Memory for a part of the cache: of the host, or of the GPUs."""

    free_bytes: int
    part: float
    """How much of each token lies there."""
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What a context has."""

    context_tokens: int
    sequences: int
    cache_bytes: int
    reason: str
    """Why so many tokens."""


def choose(needs: Needs, places: Sequence[Place], wanted: int | None = None) -> Room:
    """Choose a context.

    Args:
        needs: of the model.
        places: where the cache may lie; empty when nobody knows what is free.
        wanted: so many tokens, if the model was trained for them.
    """
    free = min((int(SHARE * place.free_bytes / place.part) for place in places if place.part), default=None)
    sequences = SEQUENCES
    if needs.sequence_bytes and free is not None:
        sequences = max(LEAST_SEQUENCES, min(SEQUENCES, free // 2 // needs.sequence_bytes))
    states = sequences * needs.sequence_bytes
    tokens, reason = (_given(needs, wanted) if wanted is not None else
                      _chosen(needs, all(place.gpu for place in places if place.part) and bool(places),
                              None if free is None else free - states))
    return Room(tokens, sequences, tokens * needs.token_bytes + states, reason)


def _given(needs: Needs, wanted: int) -> tuple[int, str]:
    if wanted > needs.trained_tokens:
        return needs.trained_tokens, f"all that the model was trained for; context_tokens is {wanted:,}"
    return wanted, "context_tokens says so"


def _chosen(needs: Needs, gpu: bool, free: int | None) -> tuple[int, str]:
    most = MOST_ON_GPU if gpu else MOST_ON_CPU
    fits = None if free is None or not needs.token_bytes else max(0, free) // needs.token_bytes
    least = min(LEAST_TOKENS, needs.trained_tokens)
    if fits is not None and fits < min(most, needs.trained_tokens):
        if fits < least:
            return least, f"the least that is of use; {SHARE:.0%} of the free memory holds {fits:,}"
        return fits // STEP_TOKENS * STEP_TOKENS, f"what {SHARE:.0%} of the free memory holds"
    if needs.trained_tokens <= most:
        return needs.trained_tokens, "all that the model was trained for"
    return most, f"the most that is taken unasked; the model was trained for {needs.trained_tokens:,}"
