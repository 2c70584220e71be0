"""What answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from agentfix.types import (
    Completion,
    Delta,
    Message,
    ModelRequest,
)


@runtime_checkable
class Model(Protocol):
    """A language model. One method: a request in, n completions out."""

    name: str

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """Answer a request.

        Args:
            request: messages, sampling and n.
            on_delta: called in the caller's event loop with each piece of text as it is generated; a model that can't
                stream calls it once per completion or not at all.

        Returns:
            Exactly `request.n` completions; fewer, but at least one, only where `request.max_calls` allowed no more.

        Raises:
            ModelError: the model could not answer.
        """
        ...

    async def aclose(self) -> None:
        """Free what the model holds. May be called twice."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A model that can also say how likely it finds short answers: yes-no critics, P(True), multiple choice."""

    async def score(self, messages: Sequence[Message], choices: Sequence[str]) -> list[float]:
        """The probability of each choice as the model's next words, from one pass.

        Args:
            messages: the conversation up to the answer.
            choices: short answers whose beginnings differ.

        Returns:
            One probability per choice, in order, normalised over the choices.

        Raises:
            ModelError: the model could not answer, or gives no log-probabilities.
        """
        ...


class Ask(Protocol):
    """How a critic, or a tool that declares it, asks the critic's model. Journalled and within the budget."""

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1,
                       top_logprobs: int = 0) -> list[Completion]:
        """Returns n completions; fewer, or none, when the budget does not allow them.

        With `top_logprobs`, those of a model that knows them say how likely so many alternatives of each token were.
        """
        ...


async def nobody_asked(messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1,
                       top_logprobs: int = 0) -> list[Completion]:
    """Stands where there is no model to ask."""
    return []
