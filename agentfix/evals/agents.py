"""Runs tasks through agents that differ in strategy only and share one loaded model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentfix.plugins import Part, Plugins
from agentfix.protocols import Model
from agentfix.settings import Settings
from agentfix.types import Completion, Delta, ModelRequest, Result, Task


class Answers(Protocol):
    """What is needed of an agent."""

    async def arun(self, task: Task, *, seed: int | None = None) -> Result: ...


@dataclass
class _Lent:
    """A model that stays loaded when the agent that borrowed it is closed."""

    owned: Model
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.owned.name

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        return await self.owned.generate(request, on_delta=on_delta)

    async def aclose(self) -> None: ...


class SharedModels(Plugins):
    """Plugins that build each model once, for all agents that ask."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lent: dict[tuple[str, str], _Lent] = {}

    def build(self, part: Part, name: str, argument: str = "") -> Any:
        if part != "model":
            return super().build(part, name, argument)
        if (name, argument) not in self._lent:
            self._lent[name, argument] = _Lent(super().build(part, name, argument))
        return self._lent[name, argument]

    async def aclose(self) -> None:
        """Free the models."""
        for lent in self._lent.values():
            await lent.owned.aclose()
        self._lent.clear()


@dataclass(frozen=True, slots=True)
class AgentRuns:
    """Makes an agent for each run: cheap, since the model is shared.

    Args:
        settings: of every agent, but for the strategy.
        make: an agent for settings.
    """

    settings: Settings
    make: Callable[[Settings], AbstractAsyncContextManager[Answers]]

    async def arun(self, task: Task, *, strategy: str, seed: int) -> Result:
        """Answer a task. Raises AgentFixError: nothing could be attempted."""
        async with self.make(self.settings.model_copy(update={"strategy": strategy})) as agent:
            return await agent.arun(task, seed=seed)
