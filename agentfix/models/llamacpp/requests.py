"""What is asked of a local model, in tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from agentfix.types import Completion, Sampling


@dataclass(eq=False)
class Generation:
    """A prompt to be completed n times.

    Args:
        prompt: tokens, one at least.
        sampling: completion i draws with seed `sampling.seed + i`.
        n: how many completions.
        grammar: a GBNF grammar that every completion must follow.
        top_logprobs: alternatives to report for each token; 0 for none.
        on_text: called in the scheduler's thread with (index, text) as text becomes final.
        markers: control tokens that are a part of the text; others are left out of it.

    Attributes:
        future: the completions. Cancelling it frees what the generation takes, before the next token.
    """

    prompt: Sequence[int]
    sampling: Sampling
    n: int = 1
    grammar: str | None = None
    top_logprobs: int = 0
    on_text: Callable[[int, str], None] | None = None
    markers: frozenset[int] = frozenset()
    future: Future[list[Completion]] = field(default_factory=Future[list[Completion]])


@dataclass(eq=False)
class Scoring:
    """Texts whose probability after a prompt is asked for. It is made in one step: have the prompt read before.

    Args:
        prompt: tokens, one at least.
        choices: the tokens of each text, one at least.

    Attributes:
        future: the log-probability of each.
    """

    prompt: Sequence[int]
    choices: Sequence[Sequence[int]]
    future: Future[list[float]] = field(default_factory=Future[list[float]])

    @property
    def cells(self) -> int:
        """The most tokens that lie in the cache for it."""
        return len(self.prompt) + sum(len(choice) for choice in self.choices)
