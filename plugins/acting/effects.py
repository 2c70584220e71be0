"""Critic `effects`: effects are checked, not believed.

Every act of an attempt is verified by its own tool, where the tool can; that is a measurement, but only of its part.
Acts that failed and were never made good refute the attempt. Then the acts are derived again (`derive`), which may or
may not agree with what was done. Where that decides nothing, the world is looked at again, and a model compares what is
there with what was asked: that is no more than an opinion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentfix import (
    Asked,
    Attempt,
    Claim,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Step,
    Task,
    ToolCall,
    ToolCalls,
    ToolSpec,
    fence,
)

from .acts import Act, acts_in, looks, not_made_good, overtaken, pairs, planned, steps_of, told
from .derive import agreement, derived, unasked
from .prompts import render

MOST_LOOKS = 6
LOOK_CHARS = 1500
MOST_ASKED = 6
_DENIES = re.compile(r"\b(?:not|no|none|never|nothing|unable|fail\w*|cannot|impossible|without)\b|n't\b", re.IGNORECASE)
"""An answer with one of these may own up to what went wrong."""
_LINE = {"type": "string", "minLength": 1, "maxLength": 160}
_THINGS = {
    "type": "object", "properties": {"things": {
        "type": "array", "minItems": 1, "maxItems": MOST_ASKED, "items": {
            "type": "object", "properties": {"asked": _LINE, "seen": _LINE, "done": {"type": "boolean"}},
            "required": ["asked", "seen", "done"], "additionalProperties": False}}},
    "required": ["things"], "additionalProperties": False}


@dataclass
class _View:
    """An attempt as it is judged."""

    attempt: Attempt
    steps: tuple[Step, ...]
    acts: list[Act]
    looks: list[ToolCall]
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    faults: list[str] = field(default_factory=list[str])


class EffectsCritic:
    """See the module."""

    name = "effects"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        tools = {tool.name: tool for tool in context.tools}
        views = {a.id: _view(a, tools, context) for a in attempts if a.steps and not _past(a, context)}
        seen = {told(asked.call): asked for asked in context.asked}
        wanted = {told(call): call for view in views.values() for call in view.looks}
        missing = tuple(call for line, call in wanted.items() if line not in seen)
        if missing:
            return ToolCalls(missing)
        return [await self._judge(task, views[a.id], seen, context) if a.id in views
                else Critique(a.id, self.name, "abstain") for a in attempts]

    async def _judge(self, task: Task, view: _View, seen: Mapping[str, Asked], context: CriticContext) -> Critique:
        await _verify(task, view, context)
        self._count_failures(view)
        self._follow_plan(view, context)
        if not view.faults and view.acts:
            self._derive_again(view, await derived(task, view.steps, context), context.model)
        if not view.faults and not any(e.kind is EvidenceClass.AGREEMENT for e in view.evidence):
            await self._compare(task, view, [seen[told(call)] for call in view.looks], context)
        word = "revise" if view.faults else "accept" if view.evidence else "abstain"
        return Critique(view.attempt.id, self.name, word, view.faults[0] if view.faults else "", tuple(view.evidence))

    def _count_failures(self, view: _View) -> None:
        """Necessary: who says that all is done must not have failed at it."""
        if _DENIES.search(view.attempt.answer or ""):
            return
        for act in not_made_good(view.acts):
            view.faults.append(f"{act} failed, and nothing was done about it: {act.said.text}")
            view.evidence[:] = [each for each in view.evidence if each.polarity == "refutes"]
            view.evidence.append(_measured(f"{act} failed", self.name, act.said.text))

    def _follow_plan(self, view: _View, context: CriticContext) -> None:
        """Necessary: who planned to change something, and owns up to nothing, changed something."""
        words = planned(view.steps)
        left = [tool.name for tool in context.tools if tool.side_effects and tool.name in words]
        if not left or any(act.said.ok for act in view.acts) or _DENIES.search(view.attempt.answer or ""):
            return
        view.faults.append(f"Nothing was done so far: you planned to use {' and '.join(left)}, and did not.")
        view.evidence.append(_measured(f"it planned to use {', '.join(left)}, and changed nothing", self.name, ""))

    def _derive_again(self, view: _View, plans: Sequence[Sequence[ToolCall]], author: str) -> None:
        """Whether others would have done the same, and what none of them would have done."""
        extra = unasked(view.acts, plans, planned(view.steps))
        view.evidence += [] if extra else agreement(view.acts, plans, author)
        for act in extra:
            view.faults.append(f"Nobody seems to have asked for this, and it was not planned: {act}. Take it back.")
            view.evidence.append(Evidence(
                EvidenceClass.AGREEMENT, "refutes",
                f"{act} was not planned, and none of {len(plans)} derivations by {author} makes it", author, "model"))

    async def _compare(self, task: Task, view: _View, seen: Sequence[Asked], context: CriticContext) -> None:
        """Have a model compare what is there with what was asked. A tool that always says the same said it already."""
        same = {tool.name for tool in context.tools if tool.deterministic and not tool.side_effects}
        said = [Asked(call, found) for _, call, found in pairs(view.steps) if call.tool in same and found.ok]
        shown = [{"call": told(a.call), "text": fence(a.observation.text, a.call.tool, LOOK_CHARS)}
                 for a in (*seen, *said[:MOST_LOOKS])]
        prompt = render("judge", question=task.question, context=task.context, looks=shown,
                        done=[f"{act}: {act.said.status}" for act in view.acts], answer=view.attempt.answer)
        replies = await context.ask([Message("user", prompt)], schema=_THINGS, max_tokens=700)
        things = _things(replies[0].text) if replies else []
        undone = [thing for thing in things if not thing["done"]]
        if not things:
            return
        self_judged = context.model == view.attempt.author
        opinion = Evidence(
            EvidenceClass.OPINION, "refutes" if undone else "supports",
            f"{context.model} finds that {len(things) - len(undone)} of {len(things)} things asked for are done",
            context.model, "actor" if self_judged else "model",
            detail="\n".join(f"{'done' if t['done'] else 'not done'}: {t['asked']} ({t['seen']})" for t in things))
        view.evidence.append(opinion)
        view.faults += (f"This seems not to be done: {thing['asked']} ({thing['seen']})" for thing in undone)


async def _verify(task: Task, view: _View, context: CriticContext) -> None:
    """Ask the tools themselves what became of their acts. Where one part is wrong, the others speak for nothing."""
    for number, act in enumerate(view.acts):
        if not act.said.ok:
            continue
        found = await context.verify(act.call.tool, Claim(act.said.text, act.call, act.said, task.question))
        if found is None or (found.polarity == "refutes" and overtaken(act, view.acts[number + 1:])):
            continue
        view.evidence.append(replace(found, coverage="part"))
        if found.polarity == "refutes":
            view.faults.append(f"{act} did not have its effect: {found.summary}")
    if view.faults:
        view.evidence[:] = [each for each in view.evidence if each.polarity == "refutes"]


def _view(attempt: Attempt, tools: Mapping[str, ToolSpec], context: CriticContext) -> _View:
    steps = steps_of(attempt, context.tree)
    return _View(attempt, steps, acts_in(steps, tools), looks(steps, tools, MOST_LOOKS))


def _past(attempt: Attempt, context: CriticContext) -> bool:
    """Whether the world is no longer as the attempt left it: others came after it, or it was taken back."""
    later = context.tree.attempts[attempt.id + 1:]
    return any(each.steps for each in later) or any(c.critic == "engine" for c in context.tree.critiques_of(attempt.id))


def _measured(summary: str, author: str, detail: str) -> Evidence:
    return Evidence(EvidenceClass.MEASUREMENT, "refutes", summary, author, "instrument", "necessary",
                    detail=detail[:2000])


def _things(text: str) -> list[dict[str, Any]]:
    """What a model says of each thing that was asked for; nothing when it can't be read."""
    try:
        things: Any = json.loads(text)["things"]
        return [{"asked": str(t["asked"]), "seen": str(t["seen"]), "done": t["done"] is True} for t in things]
    except (ValueError, KeyError, TypeError):
        return []
