"""What is asked of a local model, in tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from agentfix.models.llamacpp.sampler import Grammar
from agentfix.types import Completion, Sampling


@dataclass(eq=False)
class Generation:
    """A prompt to be completed n times.

    Args:
        prompt: tokens, one at least.
        sampling: completion i draws with seed `sampling.seed + i`.
        n: how many completions.
        grammar: what every completion must follow.
        top_logprobs: alternatives to report for each token; 0 for none.
        on_text: called in the scheduler's thread with (index, text) as text becomes final.
        static_tokens: so many of the prompt's first tokens will be asked again by other processes.
        deterministic: compute it alone, so that nothing but its seed and the build decides what is written.
        markers: control tokens that are a part of the text; others are left out of it.

    Attributes:
        future: the completions. Cancelling it frees what the generation takes, before the next token.
    """

    prompt: Sequence[int]
    sampling: Sampling
    n: int = 1
    grammar: Grammar | None = None
    top_logprobs: int = 0
    on_text: Callable[[int, str], None] | None = None
    static_tokens: int = 0
    deterministic: bool = False
    markers: frozenset[int] = frozenset()
    future: Future[list[Completion]] = field(default_factory=Future[list[Completion]])

    @property
    def cells(self) -> int:
        """The most tokens of one completion."""
        return self.sampling.max_tokens

    @property
    def reads(self) -> int:
        """How many tokens are read once for all: each completion decodes the last one for itself."""
        return len(self.prompt) - 1


@dataclass(eq=False)
class Scoring:
    """Texts whose probability after a prompt is asked for.

    Args:
        prompt: tokens, one at least.
        choices: the tokens of each text, one at least.
        static_tokens: so many of the prompt's first tokens will be asked again by other processes.
        deterministic: compute it alone, so that nothing but the build decides the last bits.

    Attributes:
        future: the log-probability of each.
    """

    prompt: Sequence[int]
    choices: Sequence[Sequence[int]]
    static_tokens: int = 0
    deterministic: bool = False
    future: Future[list[float]] = field(default_factory=Future[list[float]])

    @property
    def cells(self) -> int:
        """The tokens that are decoded after the prompt: the last one of each choice is only looked up."""
        return sum(len(choice) - 1 for choice in self.choices)

    @property
    def reads(self) -> int:
        return len(self.prompt)


@dataclass(eq=False)
class Embedding:
    """A text whose meaning is asked for as a vector.

    Args:
        prompt: tokens, one at least.

    Attributes:
        future: the model's hidden state after the last token, before it becomes logits.
    """

    prompt: Sequence[int]
    future: Future[list[float]] = field(default_factory=Future[list[float]])

    static_tokens = cells = 0
    deterministic = False

    @property
    def reads(self) -> int:
        return len(self.prompt)


Request: TypeAlias = Generation | Scoring | Embedding
