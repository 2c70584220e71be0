"""What an attempt did, and what can be said of it without asking anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentfix import Attempt, Completion, Observation, Step, ToolCall, ToolSpec, Tree

from .textform import read_step

NOT_MADE = frozenset({"repeated", "missing"})
"""What the engine says of a call in place of making it."""
SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Act:
    """A call of a tool with side effects.

    Args:
        step: which step it was made in.
        call: what was asked for.
        said: what came back.
    """

    step: int
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
    return [Act(number, call, seen) for number, call, seen in pairs(steps)
            if seen.status not in NOT_MADE and call.tool in tools and tools[call.tool].side_effects]


def planned(steps: Sequence[Step]) -> set[str]:
    """The words of the plan: the names of the tools that it speaks of are among them."""
    text = steps[0].text if steps else ""
    plan = read_step(Completion(text)).plan or (text,)
    return {word for line in plan for word in re.findall(r"[\w.-]+", line)}


def pairs(steps: Sequence[Step]) -> Iterator[tuple[int, ToolCall, Observation]]:
    """Calls with the number of their step and what came back."""
    for number, step in enumerate(steps):
        for call, seen in zip(step.calls, step.observations, strict=True):
            yield number, call, seen


def not_made_good(acts: Sequence[Act]) -> list[Act]:
    """The acts that went wrong and after which nothing went well that could make them good.

    An act is made good by one of the same tool in a later step, one for each that went wrong in its own step. What was
    given up for another tool that did go well is let pass: there are several ways to most ends.
    """
    found: list[Act] = []
    for act in acts:
        if act.said.ok:
            continue
        later = [each for each in acts if each.step > act.step and each.said.ok]
        same = sum(each.call.tool == act.call.tool for each in later)
        wrong = sum(each.step == act.step and each.call.tool == act.call.tool and not each.said.ok for each in acts)
        if same < wrong and (same or not later):
            found.append(act)
    return found


def overtaken(act: Act, later: Sequence[Act]) -> bool:
    """Whether what an act did may have been changed on purpose since: by a later act of the same tool on the same
    thing, which its first argument names as a rule, or by one of another tool that names something of it."""
    named = {*_values(act.call.arguments), *_values(act.said.data)}
    return any(
        _first(each.call) == _first(act.call) if each.call.tool == act.call.tool
        else bool(named & {*_values(each.call.arguments)}) for each in later if each.said.ok)


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


# --- looking at the world again ---------------------------------------------------------------------------------------


def looks(steps: Sequence[Step], tools: Mapping[str, ToolSpec], most: int) -> list[ToolCall]:
    """The calls that show how the world is now: those with which the actor looked, those that look at what its acts
    name, and those that need no arguments.

    Args:
        steps: what was done.
        tools: what may be called.
        most: how many; what was named last comes first.
    """
    looking = {name: tool for name, tool in tools.items() if not tool.side_effects and not tool.deterministic}
    made = [call for _, call, seen in pairs(steps) if call.tool in looking and seen.ok]
    given = [call.arguments for call in (act.call for act in acts_in(steps, tools) if act.said.ok)]
    found = [ToolCall(name, {key: arguments[key] for key in needed})
             for arguments in given for name, tool in looking.items()
             if (needed := _required(tool)) and all(_fits(tool, key, arguments) for key in needed)]
    found = [*(ToolCall(name, {}) for name, tool in looking.items() if not _required(tool)), *made, *found]
    unique = {told(call): call for call in reversed(found)}
    return list(unique.values())[:most]


def _required(tool: ToolSpec) -> list[str]:
    return list(tool.parameters.get("required", ()))


def _fits(tool: ToolSpec, name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether arguments of another tool have this one's under the same name, of the same type."""
    wanted = tool.parameters.get("properties", {}).get(name, {}).get("type")
    types = {"string": str, "integer": int, "number": (int, float)}
    return name in arguments and isinstance(wanted, str) and isinstance(arguments[name], types.get(wanted, ()))
