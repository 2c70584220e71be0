"""Critics that are made of others: how these are made, and asked together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from agentfix import Asked, Attempt, Build, Critic, CriticContext, Critique, PluginError, Task, ToolCall, ToolCalls
from agentfix import review_parts as review_parts_of

Reviews = Mapping[int, Sequence[tuple[str, Critique]]]
"""For each attempt, what each member says of it, by the member's name."""


@dataclass(frozen=True, slots=True)
class Member:
    """A critic under the name by which it was asked for."""

    name: str
    critic: Critic


def members(build: Build, names: Sequence[str]) -> tuple[Member, ...]:
    """Make critics by `name` or `name:argument`.

    Raises:
        UnknownNameError: there is no such critic.
        UsageError: it takes no such argument.
    """
    return tuple(Member(name, build.part("critic", *name.partition(":")[::2])) for name in names)


async def reviews_of(asked_for: Sequence[Member], task: Task, attempts: Sequence[Attempt],
                     context: CriticContext) -> ToolCalls | Reviews:
    """Have each member review the attempts, all at once.

    Args:
        asked_for: the members.
        task: what was asked.
        attempts: of the review.
        context: of the review; tool calls that any member made in it before are answered from it.

    Returns:
        The tool calls that members want before they can speak, if there are any.
    """
    replies = await review_parts_of(
        {f"{n}-{member.name}": partial(_heard, member, task, attempts) for n, member in enumerate(asked_for)}, context)
    wanted: list[ToolCall] = []
    for call in (call for reply in replies if isinstance(reply, ToolCalls) for call in reply.calls):
        if not any(_same(call, other) for other in wanted):
            wanted.append(call)
    if wanted:
        return ToolCalls(tuple(wanted))
    said = [(member.name, critique) for member, reply in zip(asked_for, replies, strict=True)
            if not isinstance(reply, ToolCalls) for critique in reply]
    return {a.id: [(name, critique) for name, critique in said if critique.attempt == a.id] for a in attempts}


async def _heard(member: Member, task: Task, attempts: Sequence[Attempt],
                 context: CriticContext) -> ToolCalls | list[Critique]:
    """What a member says, or the calls whose outcome it lacks. Each member sees its own calls only, and each time that
    it is asked again what it asks is at the same places of the journal: it is told the same, and wants the same calls.
    """
    own: tuple[Asked, ...] = ()
    while isinstance(reply := await member.critic.review(
            task, attempts, replace(context.apart("review"), asked=own)), ToolCalls):
        known = [next((a for a in context.asked if _same(a.call, call)), None) for call in reply.calls]
        if None in known:
            return ToolCalls(tuple(call for call, found in zip(reply.calls, known, strict=True) if found is None))
        told = tuple(found for found in known if found is not None)
        if all(any(_same(found.call, before.call) for before in own) for found in told):
            raise PluginError(member.name, "asked again for what it had been told in the same review.")
        own += told
    return reply


def _same(a: ToolCall, b: ToolCall) -> bool:
    return a.tool == b.tool and dict(a.arguments) == dict(b.arguments)
