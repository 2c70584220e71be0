"""What the scheduler needs of a model and its context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from agentfix.models.llamacpp.prefixes import Memory
from agentfix.models.llamacpp.sampler import Grammar
from agentfix.types import Sampling, TokenLogprob


class Row(NamedTuple):
    """A token to be decoded."""

    token: int
    position: int
    sequence: int
    wanted: bool
    """Whether what follows it is wanted."""


class Decoder(Memory, Protocol):
    """A model and its context; `Llama` is one."""

    context_tokens: int
    sequences: int
    """How many the cache tells apart."""
    in_parts: bool
    """Whether a part of a sequence can be shared with another."""
    reads_fast: bool
    """Whether hundreds of tokens are read in hardly more time than it takes to write one."""
    storable: bool
    """Whether it pays to save what was read, and what `load` puts back can be shared in parts."""

    def decode(self, rows: Sequence[Row], *, hidden: bool = False) -> None:
        """Run a batch through the model.

        Args:
            rows: the tokens.
            hidden: keep the hidden states of the wanted rows too.
        """
        ...

    def hidden(self, row: int) -> list[float]:
        """The hidden state of a wanted row of the last batch, before it becomes logits."""
        ...

    def cut(self, sequence: int, tokens: int) -> None:
        """Forget what follows a sequence's first tokens; only asked where it can be shared in parts."""
        ...

    def forget_all(self) -> None:
        """Empty the cache."""
        ...

    def save(self, sequence: int) -> bytes:
        """What the cache holds of a sequence."""
        ...

    def load(self, sequence: int, state: bytes) -> bool:
        """Put back what `save` gave, into an empty sequence. Returns whether it could be used."""
        ...

    def sampler(self, sampling: Sampling, index: int, grammar: Grammar | None) -> Any:
        """What draws the tokens of a completion."""
        ...

    def free_sampler(self, sampler: Any) -> None:
        """Free what `sampler` made."""
        ...

    def draw(self, sampler: Any, row: int) -> int | None:
        """The token that follows a row of the last batch; None for the end."""
        ...

    def logprob(self, token: int, row: int, top: int) -> TokenLogprob:
        """How likely a token is after a row of the last batch, beside the likeliest."""
        ...

    def logprobs(self, tokens: Sequence[int], row: int) -> list[float]:
        """How likely each of these tokens is after a row of the last batch."""
        ...

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token; those of a control token only where `special`."""
        ...
