"""The acts of a task, derived again: a model that has not seen what an attempt did writes down what it would do.

Where most derivations do what the attempt did, independent ways to one end agree. Where they do not, nothing follows:
small models that must write down all acts at once are wrong more often than those that go step by step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from agentfix import CriticContext, Evidence, EvidenceClass, Message, Step, Task, ToolCall, ToolSpec, fence

from .acts import Act, overtaken, pairs, told
from .describe import described
from .prompts import render
from .textform import acts_schema, calls_in, once

DERIVATIONS = 3
TEMPERATURE = 0.5
DERIVED_TOKENS = 300
MOST_CALLS = 8
LOOK_CHARS = 1500


async def derived(task: Task, steps: Sequence[Step], context: CriticContext) -> list[tuple[ToolCall, ...]]:
    """What a model would do, several times over; fewer where that can't be read."""
    acting = [tool for tool in context.tools if tool.side_effects]
    looks = _before_acting(steps, {tool.name: tool for tool in context.tools})
    prompt = render("derive", question=task.question, context=task.context, looks=looks,
                    acting=[described(tool) for tool in acting])
    replies = await context.ask([Message("user", prompt)], schema=acts_schema(acting, MOST_CALLS),
                                temperature=TEMPERATURE, max_tokens=DERIVED_TOKENS, n=DERIVATIONS)
    return [once(calls) for reply in replies if (calls := calls_in(reply.text)) is not None]


def agreement(acts: Sequence[Act], plans: Sequence[Sequence[ToolCall]], author: str) -> list[Evidence]:
    """What derivations say of an attempt: support, when most of them make the acts that it made.

    A plan agrees when all of it was done, and when nothing else was done with the tools that it calls.

    Args:
        acts: of the attempt.
        plans: the derivations.
        author: the model that they are of.
    """
    done = [act for act in acts if act.said.ok]
    made = {_plain(act.call) for act in done}
    held = {_plain(act.call) for i, act in enumerate(done) if not overtaken(act, done[i + 1:])}
    alike = 0
    for plan in plans:
        wanted = {_plain(call) for call in plan}
        tools = {tool for tool, _ in wanted}
        alike += bool(wanted) and wanted <= made and all(key in wanted for key in held if key[0] in tools)
    if alike < 2 or 2 * alike <= len(plans):
        return []
    says = f"{alike} of {len(plans)} derivations by {author}, which had not seen them, make the same acts"
    return [Evidence(EvidenceClass.AGREEMENT, "supports", says, author, "model", weight=alike)]


def unasked(acts: Sequence[Act], plans: Sequence[Sequence[ToolCall]], planned: Collection[str]) -> list[Act]:
    """Acts that hold, by tools that neither the attempt's own plan nor any derivation uses.

    Args:
        acts: of the attempt.
        plans: the derivations.
        planned: the words of the attempt's own plan.

    Returns:
        Those acts; none where fewer than two derivations do anything.
    """
    if sum(map(bool, plans)) < 2:
        return []
    used = {call.tool for plan in plans for call in plan} | set(planned)
    done = [act for act in acts if act.said.ok]
    return [act for i, act in enumerate(done) if act.call.tool not in used and not overtaken(act, done[i + 1:])]


def _before_acting(steps: Sequence[Step], tools: Mapping[str, ToolSpec]) -> list[dict[str, str]]:
    """What was seen of the world before it was changed."""
    seen: dict[str, str] = {}
    for _, call, said in pairs(steps):
        tool = tools.get(call.tool)
        if tool is None or not said.ok:
            continue
        if tool.side_effects:
            break
        seen[told(call)] = fence(said.text, call.tool, LOOK_CHARS)
    return [{"call": call, "text": text} for call, text in seen.items()]


def _plain(call: ToolCall) -> tuple[str, Any]:
    """A call without what makes no difference: case, punctuation and spaces in words, the order of arguments."""
    return call.tool, _value(call.arguments)


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return tuple((key, _value(items[key])) for key in sorted(items))
    if isinstance(value, list | tuple):
        return tuple(_value(each) for each in cast("Sequence[Any]", value))
    if isinstance(value, str):
        return tuple(re.findall(r"\w+|[^\w\s.,;:!?'\"]", value.casefold()))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
