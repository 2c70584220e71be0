"""What an attempt did, and what can be said of it without asking anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentfix import Attempt, Observation, Step, ToolCall, ToolSpec, Tree

NOT_MADE = frozenset({"repeated", "missing"})
"""What the engine says of a call in place of making it."""
SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Act:
    """A call of a tool with side effects."""

    call: ToolCall
    said: Observation

    def __str__(self) -> str:
        return told(self.call)


def told(call: ToolCall) -> str:
    """A call on one line."""
    arguments = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False, default=str)}" for k, v in call.arguments.items())
    line = f"{call.tool}({arguments})"
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}...)"


def steps_of(attempt: Attempt, tree: Tree) -> tuple[Step, ...]:
    """All that was done up to the end of an attempt: a revision goes on where the attempt before it ended."""
    steps, parent = attempt.steps, attempt.parent
    while parent is not None:
        steps, parent = tree.attempts[parent].steps + steps, tree.attempts[parent].parent
    return steps


def acts_in(steps: Sequence[Step], tools: Mapping[str, ToolSpec]) -> list[Act]:
    """The acts that were made or tried, in order."""
    return [Act(call, seen) for call, seen in pairs(steps)
            if seen.status not in NOT_MADE and call.tool in tools and tools[call.tool].side_effects]


def pairs(steps: Sequence[Step]) -> Iterator[tuple[ToolCall, Observation]]:
    """Calls with what came back."""
    for step in steps:
        yield from zip(step.calls, step.observations, strict=True)


def failed(acts: Sequence[Act]) -> list[Act]:
    """The acts that went wrong and were not made good: no later act of the same tool went well."""
    return [act for i, act in enumerate(acts) if not act.said.ok
            and not any(later.said.ok and later.call.tool == act.call.tool for later in acts[i + 1:])]


def overtaken(act: Act, later: Sequence[Act]) -> bool:
    """Whether what an act did may have been changed on purpose since: by a later act of the same tool on the same
    thing, which its first argument names as a rule, or by one of another tool that names something of it."""
    named = {*_values(act.call.arguments), *_values(act.said.data)}
    return any(
        _first(each.call) == _first(act.call) if each.call.tool == act.call.tool
        else named & {*_values(each.call.arguments)} for each in later if each.said.ok)


def _first(call: ToolCall) -> Any:
    return next(iter(call.arguments.values()), None)


def _values(value: Any) -> Iterator[str]:
    """The texts and numbers in arguments by which things are named; small numbers name nothing."""
    if isinstance(value, Mapping):
        for inner in cast("Mapping[str, Any]", value).values():
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[Any]", value):
            yield from _values(inner)
    elif (isinstance(value, str) and value) or (isinstance(value, int) and abs(value) > 99):
        yield str(value)
