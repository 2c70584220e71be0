"""What judges, and what decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from agentfix.protocols.kinds import Asked, TaskKind
from agentfix.protocols.models import Ask
from agentfix.types import (
    Attempt,
    Claim,
    Critique,
    Evidence,
    Move,
    Remaining,
    Task,
    ToolCall,
    ToolSpec,
    Tree,
)


class Verify(Protocol):
    """How a critic has a tool check a claim. Journalled and within the budget."""

    async def __call__(self, tool: str, claim: Claim) -> Evidence | None:
        """What the tool observed; None when it can't check claims, has nothing to say of this one, or failed."""
        ...


async def nothing_verified(tool: str, claim: Claim) -> Evidence | None:
    """Stands where there are no tools."""
    return None


Parts: TypeAlias = "tuple[Ask, Verify]"
T = TypeVar("T")


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
    below: Callable[[str], Parts] | None = None
    """Makes ways to ask and to verify that count for themselves: see `apart`."""

    def apart(self, label: str) -> CriticContext:
        """A context for a part of the review that goes on beside others: what it asks keeps its place in the journal
        whichever of them is faster. A part may have parts of its own.

        Args:
            label: tells the parts apart.
        """
        below = self.below
        if below is None:
            return self
        ask, verify = below(label)

        def further_below(inner: str) -> Parts:
            return below(f"{label}.{inner}")

        return replace(self, ask=ask, verify=verify, below=further_below)


async def review_each(attempts: Sequence[Attempt], judge: JudgeOne, context: CriticContext) -> list[Critique]:
    """Judge each attempt for itself, all at once: a local model then reads and writes for them together.

    Args:
        attempts: of the review.
        judge: judges one of them, with the context for it.
        context: of the review.

    Returns:
        One critique for each attempt, in order. What one of them raises ends them all.
    """
    return await review_parts({str(attempt.id): partial(judge, attempt) for attempt in attempts}, context)


async def review_parts(parts: Mapping[str, Callable[[CriticContext], Coroutine[Any, Any, T]]],
                       context: CriticContext) -> list[T]:
    """Do parts of a review that do not wait for each other, such as the comparison of each pair, all at once.

    Args:
        parts: each is given the context for it; by the label that tells it apart.
        context: of the review.

    Returns:
        What each of them returned, in order. What one of them raises ends them all.
    """
    tasks = [asyncio.ensure_future(part(context.apart(label))) for label, part in parts.items()]
    try:
        return [*await asyncio.gather(*tasks)]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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


JudgeOne: TypeAlias = Callable[[Attempt, CriticContext], Coroutine[Any, Any, Critique]]


@runtime_checkable
class Strategy(Protocol):
    """The hub: decides the next moves. Pure: no I/O, no clock, no randomness but the seed."""

    name: str

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        """The next moves, carried out in order. An empty list stops the run."""
        ...


@runtime_checkable
class LearningStrategy(Strategy, Protocol):
    """A strategy that remembers something from one run to the next: what `decide` is given as `memory`."""

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is to be remembered for tasks of this kind. Pure, as `decide`.

        Args:
            tree: of a run that has ended.
            memory: what is remembered now; perhaps more than the run began with.

        Returns:
            What takes its place: an object of JSON, small enough to be read before each run.
        """
        ...
