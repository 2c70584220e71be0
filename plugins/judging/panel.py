"""Critic `panel`: several critics look, and a summary keeps the points that hold (Lan et al., "Training Language Models
to Critique with Multi-agent Feedback" (MultiCritique), 2024).

The critics are named ones, or else three judges that look for different faults. Each point is classified: valid, wrong,
or a nitpick, which would not change the answer. Only valid points reach the reviser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from agentfix import Attempt, Build, CriticContext, Critique, Task, ToolCalls, read_object, review_each

from .arguments import names
from .members import Member, members, reviews_of
from .opinions import opinion
from .prompts import prompt
from .shown import answer_of, question_of

FOCUSES = (
    "Is every step, formula and line of code right? Work each value out anew.",
    "Does it answer what is asked, all of it, and in the form that is asked for?",
    "Is the result plausible? Try small, large and unusual cases.",
)
"""What the judges of a panel without names look for, one each."""
_MOST_POINTS = 3
"""Of one judge."""
_CLASSES = ("valid", "wrong", "nitpick")
_POINTS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"points": {"type": "array", "items": {"type": "string", "maxLength": 250},
                              "maxItems": _MOST_POINTS}},
    "required": ["points"],
    "additionalProperties": False,
}
Points = tuple[str, ...]
"""What one critic has to say against an answer."""


@dataclass(frozen=True, slots=True)
class Panel:
    """See the module.

    Args:
        members: the critics; the judges with different instructions where there are none.
    """

    members: tuple[Member, ...] = ()
    name: str = "panel"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        if not self.members:
            return await review_each(attempts, partial(self._judged, task), context)
        reviews = await reviews_of(self.members, task, attempts, context)
        if isinstance(reviews, ToolCalls):
            return reviews

        async def summed_up(attempt: Attempt, context: CriticContext) -> Critique:
            said = [critique for _, critique in reviews[attempt.id]]
            heard = [found for critique in said if (found := _points_in(critique)) is not None]
            doubted = any(critique.verdict == "revise" and not critique.feedback.strip() for critique in said)
            return await self._summed_up(task, attempt, heard, context, doubted=doubted)

        return await review_each(attempts, summed_up, context.apart("summary"))

    async def _judged(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        heard: list[Points] = []
        for focus in FOCUSES:
            asked = prompt("panel_judge", question=question_of(task), answer=answer_of(attempt), focus=focus)
            replies = await context.ask(asked, schema=_POINTS_SCHEMA, max_tokens=320)
            if replies and (points := _read_points(replies[0].text)) is not None:
                heard.append(points)
        return await self._summed_up(task, attempt, heard, context)

    async def _summed_up(self, task: Task, attempt: Attempt, heard: Sequence[Points], context: CriticContext, *,
                         doubted: bool = False) -> Critique:
        """The critique that comes of the points of all critics; `doubted` where one is against the answer and does not
        say why: then the others don't make it a good one."""
        points = [(point, critic) for critic, found in enumerate(heard) for point in found]
        if not heard:
            return Critique(attempt.id, self.name, "abstain")
        classes = await _classified(task, attempt, [point for point, _ in points], context) if points else ()
        if classes is None:
            return Critique(attempt.id, self.name, "abstain")
        judged = list(zip(points, classes, strict=True))
        kept = [(point, critic) for (point, critic), found in judged if found == "valid"]
        if doubted and not kept:
            return Critique(attempt.id, self.name, "abstain")
        faulting = len({critic for _, critic in kept}) / len(heard)
        says = f"{len(kept)} of {len(points)} points of {len(heard)} critics hold" if points else (
            f"none of {len(heard)} critics finds a fault")
        return opinion(
            attempt, self.name, context, 1 - faulting, says, verdict="revise" if kept else "accept",
            feedback="\n".join(f"- {point}" for point, _ in kept), weight=faulting or 1.0,
            detail="\n".join(f"{found}: {point}" for (point, _), found in judged))


def read_panel(build: Build) -> Panel:
    """Make `panel[:A,B]`.

    Raises:
        UsageError: the argument is something else.
        UnknownNameError: a member is no critic.
    """
    return Panel(members(build, names("panel", build.argument, ())))


def _points_in(critique: Critique) -> Points | None:
    """What a member has against an answer; None when it has no verdict or does not say what is wrong."""
    if critique.verdict == "accept":
        return ()
    feedback = critique.feedback.strip()
    return (feedback,) if critique.verdict == "revise" and feedback else None


def _read_points(reply: str) -> Points | None:
    points = (read_object(reply) or {}).get("points")
    if not isinstance(points, list):
        return None
    return tuple(point.strip() for point in cast("list[object]", points)[:_MOST_POINTS]
                 if isinstance(point, str) and point.strip())


async def _classified(task: Task, attempt: Attempt, points: Sequence[str],
                      context: CriticContext) -> tuple[str, ...] | None:
    """For each point what it is; None when that can't be read."""
    schema = {
        "type": "object",
        "properties": {"classes": {"type": "array", "items": {"enum": [*_CLASSES]}, "minItems": len(points),
                                   "maxItems": len(points)}},
        "required": ["classes"],
        "additionalProperties": False,
    }
    asked = prompt("panel_summary", question=question_of(task), answer=answer_of(attempt), points=points)
    replies = await context.ask(asked, schema=schema, max_tokens=16 + 12 * len(points))
    classes = (read_object(replies[0].text) or {}).get("classes") if replies else None
    if not isinstance(classes, list):
        return None
    read = tuple(each for each in cast("list[object]", classes) if isinstance(each, str) and each in _CLASSES)
    return read if len(read) == len(points) else None
