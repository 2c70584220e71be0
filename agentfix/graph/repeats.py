"""Calls that need not be made again: small models repeat themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentfix.protocols import Tool
from agentfix.types import Observation, Step, ToolCall

PASSING = ("timeout", "unavailable")
"""What may be otherwise the next time: such a call may be made once more."""


def repeated(call: ToolCall, steps: Sequence[Step], tools: Mapping[str, Tool]) -> Observation | None:
    """What is said of a call that was made before in the same attempt, instead of making it.

    One that failed fails again while nothing was changed, and one that only looks sees the same. One that acted would
    act twice, which is seldom meant: who asks for it again after being told so is taken at their word.

    Args:
        call: what is asked for.
        steps: what was done so far.
        tools: by name; tells which of them have side effects.

    Returns:
        None when the call is to be made.
    """
    tool = tools.get(call.tool)
    acts = tool is not None and tool.spec.side_effects
    made = [(each, seen) for step in steps for each, seen in zip(step.calls, step.observations, strict=True)]
    same = [i for i, (each, _) in enumerate(made) if (each.tool, each.arguments) == (call.tool, call.arguments)]
    if not same:
        return None
    said = [made[i][1] for i in same]
    last = next((seen for seen in reversed(said) if seen.status != "repeated"), said[-1])
    if acts and last.ok:
        if said[-1].status == "repeated":
            return None
        return _again(call, f"This was done already and went well; it was not done again. It said: {last.text}\n"
                            "Go on with what is left to do, or answer. If it is meant twice, ask for it again.")
    since = made[max(i for i in same if made[i][1] is last) + 1:]
    if any(seen.ok and _acts(each, tools) for each, seen in since):
        return None
    if last.ok:
        return _again(call, f"You know this already, and nothing was changed since. It said: {last.text}")
    if last.status in PASSING and sum(seen.status in PASSING for seen in said) < 2:
        return None
    return _again(call, f"This very call failed before; it was not made again. It said: {last.text}\nCall differently.")


def _acts(call: ToolCall, tools: Mapping[str, Tool]) -> bool:
    tool = tools.get(call.tool)
    return tool is not None and tool.spec.side_effects


def _again(call: ToolCall, text: str) -> Observation:
    return Observation(call.tool, "repeated", text)
