"""What an attempt changed outside the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentfix.protocols import Tool
from agentfix.types import Attempt, Observation, ToolCall
from agentfix.types.messages import UNASKED


@dataclass(frozen=True, slots=True)
class Effect:
    """An act that changed something."""

    attempt: int
    call: ToolCall
    observation: Observation


def effects_of(attempt: Attempt, tools: Mapping[str, Tool]) -> list[Effect]:
    """The acts of an attempt that had side effects and went well, in order."""
    made = [pair for step in attempt.steps for pair in zip(step.calls, step.observations, strict=True)]
    return [Effect(attempt.id, call, seen) for call, seen in made
            if seen.ok and (tool := tools.get(call.tool)) is not None and tool.spec.side_effects]


def unasked(attempt: Attempt, tools: Mapping[str, Tool]) -> list[str]:
    """The tools of an attempt that tried to act and could not once, because nobody could be asked; else none."""
    made = [pair for step in attempt.steps for pair in zip(step.calls, step.observations, strict=True)]
    tried = {(call.tool, bool(seen.data.get(UNASKED))) for call, seen in made
             if seen.status != "repeated" and (tool := tools.get(call.tool)) is not None and tool.spec.side_effects}
    return sorted(name for name, _ in tried) if all(in_vain for _, in_vain in tried) else []
