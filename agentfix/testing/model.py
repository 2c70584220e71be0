"""A model that says what a test tells it to say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from agentfix.protocols import Ask
from agentfix.types import Completion, Delta, Message, ModelRequest, Sampling, Usage

Step: TypeAlias = str | Completion | BaseException | Callable[[ModelRequest], str | Completion]
"""One completion: its text, itself, an error to raise, or a function of the request."""


class ScriptedModel:
    """A `Model` that plays steps in order and keeps what it was asked.

    A request for n completions takes n steps. A text is streamed word by word, and its tokens are its words.

    Args:
        steps: what it says.
        name: its name, as attempts will carry it.

    Attributes:
        requests: every request, in order.
    """

    def __init__(self, steps: Iterable[Step], *, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[ModelRequest] = []
        self._steps = list(steps)
        self._taken = 0

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """Play the next `request.n` steps.

        Raises:
            AssertionError: the script is over.
            BaseException: what a step holds, an error or the end of the process.
        """
        self.requests.append(request)
        completions: list[Completion] = []
        for index in range(request.n):
            completion = _counted(self._play(request), request, first=index == 0)
            if on_delta is not None:
                for piece in re.findall(r"\s*\S+\s*", completion.text):
                    on_delta(Delta(piece, index))
            completions.append(completion)
        return completions

    async def aclose(self) -> None:
        """Nothing to free."""

    def assert_done(self) -> None:
        """Fail unless every step was played, and no more was asked for."""
        if self._taken != len(self._steps):
            raise AssertionError(f"model {self.name!r} was asked for {self._taken} completions, "
                                 f"but its script has {len(self._steps)}")

    def _play(self, request: ModelRequest) -> Completion:
        self._taken += 1
        if self._taken > len(self._steps):
            raise AssertionError(f"model {self.name!r} was asked for completion {self._taken}, "
                                 f"but its script has {len(self._steps)}; last message: "
                                 f"{request.messages[-1].content[:500]!r}")
        step = self._steps[self._taken - 1]
        if isinstance(step, BaseException):
            raise step
        said = step(request) if callable(step) else step
        return Completion(said) if isinstance(said, str) else said


def asking(model: ScriptedModel, seed: int) -> Ask:
    """How a critic or a tool asks this model."""

    async def ask(messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None, temperature: float = 0.0,
                  max_tokens: int = 512, n: int = 1, top_logprobs: int = 0) -> list[Completion]:
        sampling = Sampling(temperature, seed=seed, max_tokens=max_tokens)
        return await model.generate(
            ModelRequest(tuple(messages), sampling, n, schema=schema, top_logprobs=top_logprobs))

    return ask


def _counted(completion: Completion, request: ModelRequest, *, first: bool) -> Completion:
    """Give a completion that counts nothing a plausible usage."""
    if completion.usage != Usage():
        return completion
    prompt = sum(len(message.content.split()) for message in request.messages) if first else 0
    return replace(completion, usage=Usage(prompt_tokens=prompt, completion_tokens=len(completion.text.split())))
