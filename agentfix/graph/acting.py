"""The actor of a kind that acts: one attempt is a chain of steps, each a completion and the calls it asks for.

The chain is built anew from the journal whenever the node is run: what was asked and what was called is found there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentfix.conversation import with_history
from agentfix.errors import AgentFixError, ModelReplyError
from agentfix.graph.blame import blaming
from agentfix.graph.context import RunContext
from agentfix.graph.effects import Effect
from agentfix.graph.meter import BudgetSpent
from agentfix.graph.repeats import repeated
from agentfix.graph.state import RunState
from agentfix.graph.world import prepare, told
from agentfix.protocols import ActingKind
from agentfix.types import (
    Attempt,
    Completion,
    Delta,
    Draft,
    Expand,
    Message,
    ModelRequest,
    Sampling,
    Step,
    Task,
    ToolCall,
)

MAX_STEPS = 24
"""Of one attempt."""
MAX_LOST = 3
"""So many steps in a row without a call that was made end an attempt."""
WARM = 0.7
"""The temperature after such a step: asked again, a greedy model would repeat itself."""


async def act(state: RunState, move: Expand, context: RunContext) -> dict[str, Any]:
    """Make one attempt, or ask for the tool calls of its next step. However many attempts the move asks for, one is
    made: there is only one world."""
    kind = context.kind
    assert isinstance(kind, ActingKind)
    number = len(context.attempts)
    chain = _Chain(kind, move, number, await prepare(move.parent, context), context)
    stop = ""
    try:
        pending = await chain.go(state["observed"])
        if pending:
            return {"pending": pending, "caller": "actor"}
    except BudgetSpent as spent:
        stop = f"budget: {spent.limit}"
    except AgentFixError as error:
        if not chain.steps:
            raise
        context.emit("notice", {"message": str(error)})
        stop = f"failed: {error}"
    if chain.steps or not stop:
        context.calls.meter.rounds += 1
        await context.add_attempts([chain.attempt()])
    return {"moves": state["moves"][1:], "pending": [], "reviewer": 0, "rounds": context.calls.meter.rounds,
            "attempts": len(context.attempts), "trail": context.trail, "stop": stop}


@dataclass
class _Chain:
    """One attempt as it grows."""

    kind: ActingKind
    move: Expand
    number: int
    left: Sequence[Effect]
    """What earlier attempts did and could not be taken back."""
    context: RunContext
    steps: list[Step] = field(default_factory=list[Step])
    last: Completion = Completion("")
    answer: str | None = None

    @property
    def role(self) -> str:
        return self.context.kind.roles[0] if self.move.role == "actor" else self.move.role

    async def go(self, observed: Sequence[str]) -> list[dict[str, Any]]:
        """Go on until there is an answer, or no use in going on. Returns the calls that must be made first."""
        while len(self.steps) < MAX_STEPS and not self._lost():
            draft = await self._next()
            if draft.answer is not None and not draft.calls:
                self.answer = draft.answer
                self._show(draft)
                return []
            pending = self._take(draft, observed)
            if pending:
                self._show(draft)
                return pending
        return []

    def attempt(self) -> Attempt:
        """The attempt as it is now."""
        finish = self.last.finish_reason if self.answer is not None else "length"
        return Attempt(self.number, self.move.parent, self.role, self.context.actor.name, self.last.text, self.answer,
                       finish_reason=finish, temperature=self.move.temperature, steps=tuple(self.steps))

    def _lost(self, count: int = MAX_LOST) -> bool:
        """Whether the last steps brought nothing."""
        last = self.steps[-count:]
        return len(last) == count and all(
            step.problem or all(seen.status in ("repeated", "missing") for seen in step.observations) for step in last)

    async def _next(self) -> Draft:
        """What the actor wants to do next."""
        context = self.context
        parent = None if self.move.parent is None else _whole(context.attempts, self.move.parent)
        with blaming("kind", context.kind.name):
            prompt = self.kind.act(context.task, self.role, context.offered, self.steps, parent, self._guidance())
        seed = (context.seed * 1_000_003 + self.number) % 2**31
        temperature = max(self.move.temperature, WARM if self._lost(1) else 0.0)
        top_p = 0.95 if temperature > 0 else 1.0
        sampling = Sampling(temperature, top_p, seed + len(self.steps), prompt.stop, prompt.max_tokens)
        request = ModelRequest(shown(prompt.messages, context.task), sampling, 1, prompt.tools, prompt.schema)
        place = f"a{self.number}.s{len(self.steps)}.model"
        if place in context.unreadable:
            return Draft(problem=context.unreadable[place])
        try:
            completions = await context.calls.model(context.actor, place, request,
                                                    self._on_delta if context.watched else None)
        except ModelReplyError as error:
            self.last = Completion("")
            context.unreadable[place] = error.message
            return Draft(problem=error.message)
        self.last = completions[0]
        with blaming("kind", context.kind.name):
            draft = self.kind.read_act(context.task, self.role, context.offered, self.last)
        if context.calls.heard is None:
            context.calls.intended |= _named(draft, context.actor_tools)
        return draft

    def _take(self, draft: Draft, observed: Sequence[str]) -> list[dict[str, Any]]:
        """Make a step of a draft; returns the calls that are still to be made for it."""
        if not draft.calls:
            problem = draft.problem or "That was neither a call nor an answer."
            self.steps.append(Step(self.last.text, problem=problem))
            return []
        places = [f"a{self.number}.s{len(self.steps)}.{i}" for i in range(len(draft.calls))]
        calls = [ToolCall(c.tool, c.arguments, place) for c, place in zip(draft.calls, places, strict=True)]
        idle = {call.id: seen for call in calls if (seen := repeated(call, self.steps, self.context.tools))}
        pending = [call for call in calls if call.id not in idle and call.id not in observed]
        if pending:
            return [{"place": c.id, "tool": c.tool, "arguments": dict(c.arguments)} for c in pending]
        made = self.context.calls.made
        seen = tuple(idle[c.id] if c.id in idle else made[c.id].observation for c in calls)
        self.steps.append(Step(self.last.text, tuple(calls), seen))
        return []

    def _guidance(self) -> str:
        if not self.left:
            return self.move.guidance
        held = f"These acts of an earlier attempt could not be taken back and still hold: {told(self.left)}."
        return f"{self.move.guidance}\n\n{held}".strip()

    def _show(self, draft: Draft) -> None:
        if draft.plan:
            self.context.emit("plan", {"plan": draft.plan, "attempt": self.number})

    def _on_delta(self, delta: Delta) -> None:
        self.context.emit("delta", {"delta": delta, "role": self.role, "attempt": self.number})


def _named(draft: Draft, tools: Sequence[str]) -> set[str]:
    """The tools that a draft calls or that its plan speaks of."""
    planned = {word for line in draft.plan for word in re.findall(r"[\w.-]+", line)}
    return {name for name in tools if name in planned} | {call.tool for call in draft.calls}


def _whole(attempts: Sequence[Attempt], number: int) -> Attempt:
    """An attempt with the steps of those that it goes back to: they acted on the same world."""
    attempt = attempts[number]
    steps, parent = attempt.steps, attempt.parent
    while parent is not None:
        steps, parent = attempts[parent].steps + steps, attempts[parent].parent
    return replace(attempt, steps=steps)


def shown(messages: tuple[Message, ...], task: Task) -> tuple[Message, ...]:
    """The messages with what was said before, and with the task's pictures, which belong to what the user says
    first."""
    images = task.images
    messages = with_history(messages, task)
    if not images:
        return messages
    first = next(i for i, message in enumerate(messages) if message.role == "user")
    seeing = replace(messages[first], images=(*messages[first].images, *images))
    return (*messages[:first], seeing, *messages[first + 1:])
