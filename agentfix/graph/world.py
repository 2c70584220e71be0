"""The world that attempts act on: what they did to it, and how that is taken back."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix.errors import AgentFixError
from agentfix.graph.context import RunContext
from agentfix.graph.effects import Effect, effects_of
from agentfix.protocols import Asked
from agentfix.types import Attempt, Critique, Evidence, EvidenceClass, ToolCall

UNDONE = ".undo."
"""Stands in the places of calls that take an act back."""


async def prepare(parent: int | None, context: RunContext) -> list[Effect]:
    """Make the world as an attempt left it, before another goes on from there.

    Args:
        parent: the attempt; None for the world as it was before the first one.
        context: the run.

    Returns:
        What earlier attempts did and could not be taken back.
    """
    left = await _take_back(parent, context)
    held = {effect.attempt for effect in left}
    line = _lineage(context.attempts, parent)
    for attempt in context.attempts:
        if attempt.id not in line | held and effects_of(attempt, context.tools):
            await context.add_critique(_void(attempt))
    return left


async def settle(context: RunContext) -> None:
    """At the end of a run, take back what the chosen attempt did not do: what is answered and what is must agree."""
    best = context.best()
    if best is None or not _standing_effects(context):
        return
    try:
        left = await _take_back(best, context)
    except AgentFixError as error:
        context.emit("notice", {"message": f"What other attempts did could not be taken back: {error}"})
        return
    if left:
        context.emit("notice", {"message": f"Acts of other attempts still hold: {told(left)}."})


def told(effects: Sequence[Effect]) -> str:
    """Acts on one line; of long arguments the head."""
    def line(call: ToolCall) -> str:
        return f"{call.tool}({', '.join(f'{name}={value!r:.80}' for name, value in call.arguments.items())})"

    return ", ".join(line(effect.call) for effect in effects)


async def _take_back(parent: int | None, context: RunContext) -> list[Effect]:
    """Take back in reverse order what was not done on the way to an attempt. Returns what could not be."""
    line = _lineage(context.attempts, parent)
    left = list[Effect]()
    for effect in reversed(_standing_effects(context)):
        if effect.attempt not in line and not await _undo(effect, context):
            left.append(effect)
    return left[::-1]


def _standing_effects(context: RunContext) -> list[Effect]:
    """What the attempts so far did and was not taken back before the latest of them, in order."""
    held: list[Effect] = []
    for attempt in context.attempts:
        held = [effect for effect in held if not _undone(effect, attempt.id, context)]
        held += effects_of(attempt, context.tools)
    return held


def _lineage(attempts: Sequence[Attempt], parent: int | None) -> set[int]:
    line = set[int]()
    while parent is not None:
        line.add(parent)
        parent = attempts[parent].parent
    return line


async def _undo(effect: Effect, context: RunContext) -> bool:
    tool = context.tools[effect.call.tool]
    if not tool.spec.undoes:
        return False
    place = _place(effect, len(context.attempts))
    call = ToolCall(f"{effect.call.tool}.undo", effect.call.arguments, place)
    known = place in context.calls.made
    if not known:
        context.emit("tool_call", {"call": call, "caller": "engine"})
    observation = await context.calls.undo(
        tool, Asked(effect.call, effect.observation), place, sandbox=context.sandbox, timeout_s=context.tool_timeout_s,
        seed=context.seed)
    context.calls.made[place] = Asked(call, observation)
    if not known:
        context.emit("observation", {"call": call, "observation": observation, "caller": "engine"})
    return observation.ok


def _place(effect: Effect, number: int) -> str:
    """Where the attempt of a number begins, or where the run ends when there is none."""
    return f"a{number}{UNDONE}{effect.call.id}"


def _undone(effect: Effect, number: int, context: RunContext) -> bool:
    asked = context.calls.made.get(_place(effect, number))
    return asked is not None and asked.observation.ok


def _void(attempt: Attempt) -> Critique:
    why = "what it did was taken back"
    evidence = Evidence(EvidenceClass.MEASUREMENT, "refutes", why, "engine", "instrument", "necessary")
    return Critique(attempt.id, "engine", "revise", f"Of this attempt nothing holds: {why}.", (evidence,))
