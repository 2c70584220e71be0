"""What an attempt changed outside the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentfix.protocols import Tool
from agentfix.types import Attempt, Observation, ToolCall


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
