"""What judges, and what decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agentfix.protocols.kinds import Asked, TaskKind
from agentfix.types import (
    Attempt,
    Claim,
    Completion,
    Critique,
    Evidence,
    Message,
    Move,
    Remaining,
    Task,
    ToolCall,
    ToolSpec,
    Tree,
)


class Ask(Protocol):
    """How a critic asks its model. Journalled and within the budget."""

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1) -> list[Completion]:
        """Returns n completions; fewer, or none, when the budget does not allow them."""
        ...


class Verify(Protocol):
    """How a critic has a tool check a claim. Journalled and within the budget."""

    async def __call__(self, tool: str, claim: Claim) -> Evidence | None:
        """What the tool observed; None when it can't check claims, has nothing to say of this one, or failed."""
        ...


async def nothing_verified(tool: str, claim: Claim) -> Evidence | None:
    """Stands where there are no tools."""
    return None


@dataclass(frozen=True, slots=True)
class CriticContext:
    """What a critic is given."""

    ask: Ask
    kind: TaskKind
    tree: Tree
    asked: tuple[Asked, ...] = ()
    """The tool calls this critic made earlier in this review, in order."""
    seed: int = 0
    model: str = ""
    """Name of the critic's model, for evidence that the model stands for."""
    tools: tuple[ToolSpec, ...] = ()
    """Those of the actor; where it does not act, those that can check claims and change nothing."""
    verify: Verify = nothing_verified


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """A critic's request for evidence: run these, then ask me again."""

    calls: tuple[ToolCall, ...]


@runtime_checkable
class Critic(Protocol):
    """Judges attempts with evidence."""

    name: str

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        """Ask for evidence, or give verdicts.

        Called again with the observations in `context.asked` after each request for tools. A verdict that can't be
        read from a model's reply is `abstain`, never `accept`.
        """
        ...


@runtime_checkable
class Strategy(Protocol):
    """The hub: decides the next moves. Pure: no I/O, no clock, no randomness but the seed."""

    name: str

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        """The next moves, carried out in order. An empty list stops the run."""
        ...
