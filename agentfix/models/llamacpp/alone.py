"""A request by itself, so that the same seed gives the same bits.

What llama.cpp computes for a token moves slightly with the tokens that share its batch and with where in the cache the
earlier ones lie. So this begins with an empty cache, reads the prompt in equal parts, and decodes one sequence, one
token at a time, without guesses.
"""

from __future__ import annotations

from typing import Protocol

from agentfix.models.llamacpp.decoder import Decoder, Row
from agentfix.models.llamacpp.requests import Generation, Request, Scoring
from agentfix.models.llamacpp.sample import Sample
from agentfix.types import Completion

SEQUENCE = 0
PART_TOKENS = 512
"""How much of the prompt is read together."""


class Alone(Protocol):
    """Nothing else may be decoded from its making until it has ended or is left."""

    @property
    def asked(self) -> Request:
        """What it is made for."""
        ...

    def step(self) -> list[Completion] | list[float] | None:
        """Decode a batch or a few. Returns the result when all is done.

        Raises:
            ModelError: llama.cpp failed, or can't use the grammar.
        """
        ...

    def leave(self) -> None:
        """Free what is held."""
        ...


class _Prompt:
    """All of a prompt but its last token, read from an empty cache, and come back to."""

    def __init__(self, llama: Decoder, request: Request) -> None:
        self.last = len(request.prompt) - 1
        self._llama = llama
        self._request = request
        self._read = 0
        llama.forget_all()

    def read(self) -> bool:
        """Read a part. Returns False when nothing was left."""
        part = self._request.prompt[self._read:min(self._read + PART_TOKENS, self.last)]
        if part:
            self._llama.decode([Row(token, self._read + i, SEQUENCE, False) for i, token in enumerate(part)])
            self._read += len(part)
        return bool(part)

    def rewind(self) -> None:
        """Forget what came after it."""
        if self._llama.in_parts:
            self._llama.cut(SEQUENCE, self.last)
        else:
            self._llama.forget_all()
            self._read = 0


class Writing:
    """A generation alone.

    Args:
        llama: the model and its context, whose cache is emptied.
        asked: what is to be written.
        max_tokens: of each completion.
    """

    def __init__(self, llama: Decoder, asked: Generation, max_tokens: int) -> None:
        self.asked = asked
        self._llama = llama
        self._max_tokens = max_tokens
        self._prompt = _Prompt(llama, asked)
        self._sample: Sample | None = None
        self._ended: list[Completion] = []

    def step(self) -> list[Completion] | None:
        """See `Alone`."""
        if self._sample is None and self._prompt.read():
            return None
        if self._sample is None:
            sampler = self._llama.sampler(self.asked.sampling, len(self._ended), self.asked.grammar)
            self._sample = Sample(self.asked, len(self._ended), self._max_tokens, SEQUENCE, sampler)
        self._llama.decode(self._sample.rows())
        if not self._sample.draw(self._llama, 0):
            self._ended.append(self._sample.completion(cached=0))
            self.leave()
            self._prompt.rewind()
        return self._ended if len(self._ended) == self.asked.n else None

    def leave(self) -> None:
        """See `Alone`."""
        if self._sample is not None:
            self._llama.free_sampler(self._sample.sampler)
            self._sample = None


class Choosing:
    """A scoring alone: one choice after another.

    Args:
        llama: the model and its context, whose cache is emptied.
        asked: what is to be scored.
    """

    def __init__(self, llama: Decoder, asked: Scoring) -> None:
        self.asked = asked
        self._llama = llama
        self._prompt = _Prompt(llama, asked)
        self._scores: list[float] = []

    def step(self) -> list[float] | None:
        """See `Alone`."""
        if self._prompt.read():
            return None
        score, fed = 0.0, self.asked.prompt[-1]
        for i, token in enumerate(self.asked.choices[len(self._scores)]):
            self._llama.decode([Row(fed, self._prompt.last + i, SEQUENCE, True)])
            score, fed = score + self._llama.logprobs([token], 0)[0], token
        self._scores.append(score)
        self._prompt.rewind()
        return self._scores if len(self._scores) == len(self.asked.choices) else None

    def leave(self) -> None:
        """See `Alone`."""
