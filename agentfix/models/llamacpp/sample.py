"""One completion while it is written: its tokens become text, which stops where it should."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agentfix.models.llamacpp.drafts import Drafts
from agentfix.types import FinishReason, TokenLogprob


@dataclass(eq=False)
class Sample:
    """A completion that is being written.

    Args:
        index: among the completions of its request.
        sequence: where its tokens lie in the cache.
        sampler: draws them.
        next_token: the one that is decoded next.
        position: of that token.
        drafts: guesses what follows; None where guesses are not checked.
    """

    index: int
    sequence: int
    sampler: Any
    next_token: int
    position: int
    drafts: Drafts | None
    text: str = ""
    tokens: int = 0
    finish: FinishReason | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    guess: list[int] = field(default_factory=list[int])
    """What may follow the next token, to be decoded with it."""
    _sent: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def add(self, token: int, piece: bytes, stop: tuple[str, ...], max_tokens: int) -> None:
        """Take a token and its bytes; it ends at a stop string or when it is long enough."""
        self.tokens += 1
        self.next_token = token
        if self.drafts is not None:
            self.drafts.add(token)
        self.text += self._decoder.decode(piece)
        cut = min((at for each in stop if (at := self.text.find(each)) >= 0), default=-1)
        if cut >= 0:
            self.text, self.finish = self.text[:cut], "stop"
        elif self.tokens >= max_tokens:
            self.finish = "length"

    def tell(self, on_text: Callable[[int, str], None], stop: tuple[str, ...]) -> None:
        """Pass on the text that no stop string can take back any more."""
        held = 0 if self.finish else max((len(each) - 1 for each in stop), default=0)
        end = max(self._sent, len(self.text) - held)
        if end > self._sent:
            on_text(self.index, self.text[self._sent:end])
            self._sent = end
