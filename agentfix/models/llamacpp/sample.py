"""One completion while it is written: its tokens become text, which stops where it should."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Any

from agentfix.models.llamacpp.decoder import Decoder, Row
from agentfix.models.llamacpp.drafts import Drafts
from agentfix.models.llamacpp.requests import Generation
from agentfix.types import Completion, FinishReason, TokenLogprob, Usage


@dataclass(eq=False)
class Sample:
    """A completion that is being written.

    Args:
        asked: what it belongs to.
        index: among the completions of its request.
        max_tokens: where it ends at the latest.
        sequence: where its tokens lie in the cache.
        sampler: draws them.
        drafts: guesses what follows; None where guesses are not checked.
    """

    asked: Generation
    index: int
    max_tokens: int
    sequence: int
    sampler: Any
    drafts: Drafts | None = None
    text: str = ""
    tokens: int = 0
    finish: FinishReason | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    guess: list[int] = field(default_factory=list[int])
    """Of what may follow the next token, what is decoded with it."""
    next_token: int = field(init=False)
    """The one that is decoded next."""
    position: int = field(init=False)
    """Of that token."""
    _sent: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def __post_init__(self) -> None:
        self.position = len(self.asked.prompt) - 1
        self.next_token = self.asked.prompt[self.position]

    @property
    def chance(self) -> float:
        """How likely each token that `propose` told is to be right."""
        return self.drafts.chance if self.drafts is not None else 0.0

    def propose(self) -> list[int]:
        """What may follow the next token."""
        return self.drafts.guess(self.max_tokens - self.tokens - 1) if self.drafts is not None else []

    def rows(self) -> list[Row]:
        """What is to be decoded next."""
        return [Row(token, self.position + i, self.sequence, True)
                for i, token in enumerate([self.next_token, *self.guess])]

    def draw(self, llama: Decoder, row: int) -> bool:
        """Draw what follows a row of the last batch. Returns whether the sample goes on."""
        token = llama.draw(self.sampler, row)
        self.position += 1
        if token is None:
            self.finish = "stop"
        else:
            if self.asked.top_logprobs:
                self.logprobs.append(llama.logprob(token, row, self.asked.top_logprobs))
            self._add(token, llama.piece(token, special=token in self.asked.markers))
        self._tell()
        return self.finish is None

    def completion(self, cached: int) -> Completion:
        """The whole.

        Args:
            cached: how much of the prompt was known before.
        """
        # The prompt is counted once, on the first of all n.
        prompt = (len(self.asked.prompt), cached) if self.index == 0 else (0, 0)
        return Completion(self.text, self.finish or "length", Usage(*prompt, self.tokens),
                          logprobs=tuple(self.logprobs))

    def _add(self, token: int, piece: bytes) -> None:
        """Take a token and its bytes; it ends at a stop string or when it is long enough."""
        self.tokens += 1
        self.next_token = token
        if self.drafts is not None:
            self.drafts.add(token)
        self.text += self._decoder.decode(piece)
        cut = min((at for each in self.asked.sampling.stop if (at := self.text.find(each)) >= 0), default=-1)
        if cut >= 0:
            self.text, self.finish = self.text[:cut], "stop"
        elif self.tokens >= self.max_tokens:
            self.finish = "length"

    def _tell(self) -> None:
        """Pass on the text that no stop string can take back any more."""
        if self.asked.on_text is None or self.asked.future.cancelled():
            return
        held = 0 if self.finish else max((len(each) - 1 for each in self.asked.sampling.stop), default=0)
        end = max(self._sent, len(self.text) - held)
        if end > self._sent:
            self.asked.on_text(self.index, self.text[self._sent:end])
            self._sent = end
