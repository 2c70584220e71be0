"""How critics, and tools that declare it, ask the critic's model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from agentfix.conversation import with_history
from agentfix.digest import digest, model_body
from agentfix.errors import AgentFixError, JournalError, RecordingError, ToolError
from agentfix.graph.meter import BudgetSpent
from agentfix.protocols import Model
from agentfix.types import Completion, Message, ModelRequest, Sampling, Task, Usage


class AskModel(Protocol):
    """Makes one call of a model, journalled and within the budget: see `Calls.model`."""

    async def __call__(self, model: Model, place: str, request: ModelRequest) -> list[Completion]: ...


@dataclass
class CriticAsker:
    """Asks a model for a critic. Implements `agentfix.Ask`, but raises BudgetSpent, which ends the review.

    Args:
        make: makes the calls.
        model: which.
        task: what was said before it is shown too.
        place: where in the run; each call has a place below it.
        seed: where the calls' seeds begin.
        numbers: tell the places apart.
    """

    make: AskModel
    model: Model
    task: Task
    place: str
    seed: int
    numbers: Iterator[int]

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1,
                       top_logprobs: int = 0) -> list[Completion]:
        number = next(self.numbers)
        sampling = _sampling(temperature, max_tokens, self.seed, number)
        asked = with_history(messages, self.task)
        request = ModelRequest(asked, sampling, n, schema=schema, top_logprobs=top_logprobs)
        return await self.make(self.model, f"{self.place}.m{number}", request)


@dataclass
class ToolAsker:
    """Asks a model while a tool runs. Implements `agentfix.Ask`.

    Args:
        make: makes the calls.
        model: which.
        place: of the tool's call.
        seed: where the calls' seeds begin.
        turn: tools ask one after the other, so that no call starts past a limit.
        granted: the max_tokens that each place was allowed.

    Attributes:
        spent: what was asked, by place. It belongs to the tool's reply: one that is taken from the journal costs as
            much as when it was first given.
    """

    make: AskModel
    model: Model
    place: str
    seed: int
    turn: asyncio.Lock
    granted: Mapping[str, int]
    spent: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1,
                       top_logprobs: int = 0) -> list[Completion]:
        async with self.turn:
            place = f"{self.place}.m{len(self.spent)}"
            sampling = _sampling(temperature, max_tokens, self.seed, len(self.spent))
            request = ModelRequest(tuple(messages), sampling, n, schema=schema, top_logprobs=top_logprobs)
            try:
                completions = await self.make(self.model, place, request)
            except BudgetSpent:
                return []
            except (JournalError, RecordingError):
                raise
            except AgentFixError as error:
                raise ToolError(str(error), status="unavailable") from error
            asked = replace(request, sampling=replace(sampling, max_tokens=self.granted[place]))
            self.spent[place] = {"digest": digest(model_body(self.model.name, asked)),
                                 "usage": asdict(usage_of(completions))}
            return completions


def _sampling(temperature: float, max_tokens: int, seed: int, number: int) -> Sampling:
    return Sampling(temperature, 0.95 if temperature > 0 else 1.0, (seed + 7_919 * (number + 1)) % 2**31, (),
                    max_tokens)


def usage_of(completions: Sequence[Completion]) -> Usage:
    """What a call of a model cost."""
    usage = sum((c.usage for c in completions), Usage())
    return replace(usage, model_calls=max(1, usage.model_calls))
