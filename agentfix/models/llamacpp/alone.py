"""A generation by itself, so that the same seed gives the same bits.

What llama.cpp computes for a token moves slightly with the tokens that share its batch and with where in the cache the
earlier ones lie. So this begins with an empty cache, reads the prompt in equal parts, and decodes one sequence, one
token at a time, without guesses.
"""

from __future__ import annotations

from agentfix.models.llamacpp.decoder import Decoder, Row
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.sample import Sample
from agentfix.types import Completion

SEQUENCE = 0
PART_TOKENS = 512
"""How much of the prompt is read together."""


class Alone:
    """Nothing else may be decoded from its making until it has ended or is left.

    Args:
        llama: the model and its context, whose cache is emptied.
        asked: what is to be written.
        max_tokens: of each completion.
    """

    def __init__(self, llama: Decoder, asked: Generation, max_tokens: int) -> None:
        self.asked = asked
        self._llama = llama
        self._max_tokens = max_tokens
        self._read = 0
        self._sample: Sample | None = None
        self._ended: list[Completion] = []
        llama.forget_all()

    def step(self) -> list[Completion] | None:
        """Decode one batch. Returns the completions when all have ended.

        Raises:
            ModelError: llama.cpp failed, or can't use the grammar.
        """
        last = len(self.asked.prompt) - 1
        if self._read < last:
            part = self.asked.prompt[self._read:min(self._read + PART_TOKENS, last)]
            self._llama.decode([Row(token, self._read + i, SEQUENCE, False) for i, token in enumerate(part)])
            self._read += len(part)
            return None
        if self._sample is None:
            sampler = self._llama.sampler(self.asked.sampling, len(self._ended), self.asked.grammar)
            self._sample = Sample(self.asked, len(self._ended), self._max_tokens, SEQUENCE, sampler)
        self._llama.decode(self._sample.rows(guessing=False))
        if not self._sample.draw(self._llama, 0):
            self._ended.append(self._sample.completion(cached=0))
            self.leave()
            self._rewind(last)
        return self._ended if len(self._ended) == self.asked.n else None

    def leave(self) -> None:
        """Free what the sample under way holds."""
        if self._sample is not None:
            self._llama.free_sampler(self._sample.sampler)
            self._sample = None

    def _rewind(self, last: int) -> None:
        """Back to the end of the prompt, where the next completion begins."""
        if self._llama.in_parts:
            self._llama.cut(SEQUENCE, last)
        else:
            self._llama.forget_all()
            self._read = 0
