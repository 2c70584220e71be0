"""The calls of a run as steps: whose they are, when they were made, what they cost. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.protocols import JournalledCall

IDLE_S = 20.0
"""A longer time in which nothing happened, as before a run is resumed, is shown as one second."""
_ACTOR = re.compile(r"a(\d+)\.")
_CRITIC = re.compile(r"c\d+(?:-\d+)?\.\d+\.(.+)")
_APART = re.compile(r"(\d+)\.[mv]\d+")
_REFLECTION = re.compile(r"r[\d-]+\.(.+?)(?:\.m\d+)?$")


@dataclass(frozen=True, slots=True)
class Step:
    """A call that ended."""

    number: int
    """From 1, as `--fork RUN@STEP` counts."""
    call: JournalledCall
    sort: str
    """`model` or `tool`."""
    who: str
    """Who asked: `actor`, a critic's name, what was reflected on."""
    attempt: int | None
    """Which attempt it is about, where its place tells; the first of those that it made."""
    made: int
    """How many attempts it wrote."""
    at: float
    """Seconds of work after the run's beginning."""
    seconds: float
    """It took; 0 for one that was taken from another run."""
    taken: bool
    """It was not made in this run."""
    prompt: int
    cached: int
    written: int
    cost: float | None

    @property
    def name(self) -> str:
        """The tool's, or the model's."""
        return str(self.call.request.get(self.sort, ""))

    @property
    def status(self) -> str:
        """The tool's own word for how it went; for a model why it stopped."""
        reply = self.call.reply or {}
        if self.sort == "tool":
            return str(reply["observation"].get("status", ""))
        completions: Sequence[Mapping[str, Any]] = reply["completions"]
        return str(completions[0].get("finish_reason", "")) if completions else ""


def steps_of(calls: Sequence[JournalledCall], critics: Collection[str], begun: float) -> list[Step]:
    """The calls as steps, in the order in which they ended.

    Args:
        calls: those that ended, in order.
        critics: the names of those that spoke.
        begun: when the run began, in seconds since the epoch.
    """
    spans = [_span(call, begun) for call in calls]
    starts = _without_idling(spans, begun)
    tools = {call.place for call in calls if "tool" in call.request}
    owners = [owner(call.place, critics, tools) for call in calls]
    return [_step(number, call, owners[number - 1], start, ended - began, taken)
            for number, (call, start, (began, ended, taken)) in enumerate(zip(calls, starts, spans, strict=True), 1)]


def owner(place: str, critics: Collection[str], tools: Collection[str]) -> tuple[str, int | None]:
    """Who asked at a place of the run, and about which attempt where the place tells.

    Args:
        place: of a call.
        critics: their names.
        tools: the places of the run's tool calls, as tools may ask models too.
    """
    if found := _ACTOR.match(place):
        return "actor", int(found[1])
    if found := _CRITIC.match(place):
        rest = found[1]
        name = max((critic for critic in critics if rest.startswith(f"{critic}.")), key=len, default=None)
        if name is None:
            return rest.partition(".")[0], None
        apart = _APART.match(rest, len(name) + 1)
        within = apart is not None and place.removesuffix(rest[apart.end(1):]) in tools
        return name, int(apart[1]) if apart is not None and not within else None
    found = _REFLECTION.match(place)
    return (found[1] if found else place), None


def said(call: JournalledCall) -> str:
    """What came back, as text."""
    reply = call.reply or {}
    if "observation" in reply:
        return str(reply["observation"].get("text", ""))
    return "\n---\n".join(str(completion.get("text", "")) for completion in reply.get("completions", ()))


def asked(call: JournalledCall) -> list[dict[str, str]]:
    """What was asked, as messages with a role and a text."""
    if "tool" in call.request:
        arguments: Any = call.request.get("arguments") or {}
        program = arguments.get("code")
        rest = {name: value for name, value in arguments.items() if name != "code"} if isinstance(program, str) \
            else arguments
        told = [{"role": "program", "content": program}] if isinstance(program, str) else []
        return [*told, *([{"role": "arguments", "content": json.dumps(rest, indent=2, default=str)}] if rest else [])]
    return [{"role": str(message["role"]), "content": str(message["content"])}
            for message in call.request.get("messages", ())]


def _step(number: int, call: JournalledCall, whose: tuple[str, int | None], at: float, seconds: float,
          taken: bool) -> Step:
    sort = "tool" if "tool" in call.request else "model"
    who, attempt = whose
    completions: Sequence[Mapping[str, Any]] = (call.reply or {}).get("completions", ())
    used = [dict(completion.get("usage") or {}) for completion in completions]

    def total(name: str) -> int:
        return sum(int(usage.get(name) or 0) for usage in used)

    prices = [usage.get("cost", 0.0) for usage in used]
    cost = None if None in prices else float(sum(prices))
    made = len(completions) if sort == "model" and re.fullmatch(r"a\d+\.model", call.place) else 0
    return Step(number, call, sort, who, attempt, made, at, seconds, taken, total("prompt_tokens"),
                total("cached_prompt_tokens"), total("completion_tokens"), cost)


def _span(call: JournalledCall, begun: float) -> tuple[float, float, bool]:
    """When a call was made and ended, and whether it was taken from another run, whose time is not this one's."""
    ended = max(call.ended, begun)
    began = ended - float((call.reply or {}).get("seconds", 0.0))
    taken = began < begun - 1
    return (ended if taken else max(began, begun)), ended, taken


def _without_idling(spans: Sequence[tuple[float, float, bool]], begun: float) -> list[float]:
    """When each call began, in seconds of work."""
    starts = [0.0] * len(spans)
    idled, latest = 0.0, begun
    for place in sorted(range(len(spans)), key=lambda place: spans[place][0]):
        began, ended, _ = spans[place]
        if began - latest > IDLE_S:
            idled += began - latest - 1
        starts[place] = began - begun - idled
        latest = max(latest, ended)
    return starts
