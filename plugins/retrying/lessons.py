"""The lessons that outlast a run: how often each was used, how often that went well, and which are forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from agentfix import Task

from .wording import LONGEST

MOST = 5
"""Lessons of a kind of task that are kept."""
TRIAL = 4
"""Runs with a lesson, and runs without it, before it is judged."""
HELD_OUT = 4
"""One run in so many goes without a lesson that it could have: else nobody could say whether it helps."""


Count: TypeAlias = Annotated[int, Field(ge=0, le=10**15)]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson with its record. The run that it comes from does not count: it would speak for itself."""

    text: Annotated[str, Field(max_length=LONGEST)]
    uses: Count = 0
    """Runs that retried with it."""
    supported: Count = 0
    """Those of them that ended with a supported answer."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is remembered of a kind of task. Only runs that retried count: the others had no use for a lesson, and are
    the easier ones."""

    runs: Count = 0
    supported: Count = 0
    """Runs that ended with a supported answer."""
    lessons: Annotated[tuple[Lesson, ...], Field(max_length=MOST)] = ()

    @classmethod
    def of(cls, memory: Mapping[str, Any]) -> Lessons:
        """What a memory holds; nothing where it is of another form."""
        try:
            return _LESSONS.validate_python(dict(memory))
        except ValidationError:
            return cls()

    def as_memory(self) -> Mapping[str, Any]:
        """What `of` reads."""
        return _LESSONS.dump_python(self, mode="json")

    def for_task(self, task: Task) -> tuple[str, ...]:
        """The lessons that a run of a task uses, those with the best record first."""
        used = [lesson for lesson in self.lessons if not _held_out(task, lesson)]
        return tuple(lesson.text for lesson in sorted(used, key=_promise, reverse=True))

    def after(self, task: Task, supported: bool, learnt: Sequence[str]) -> Lessons:
        """What is remembered after a run that retried.

        Args:
            task: of the run. It tells which lessons were used; of lessons that a run beside it has brought
                meanwhile, this is wrong once.
            supported: whether the run's answer was supported in the end.
            learnt: the run's own lessons; those of a run without support did not help even there.
        """
        counted = [lesson if _held_out(task, lesson) else replace(
            lesson, uses=lesson.uses + 1, supported=lesson.supported + supported) for lesson in self.lessons]
        known = {_normal(lesson.text) for lesson in counted}
        new = {_normal(text): text for text in learnt if supported and text}
        counted += [Lesson(text) for key, text in new.items() if key not in known]
        grown = Lessons(self.runs + 1, self.supported + supported, tuple(counted))
        kept = sorted(filter(grown.may_help, grown.lessons), key=_promise, reverse=True)
        return replace(grown, lessons=tuple(kept[:MOST]))

    def may_help(self, lesson: Lesson) -> bool:
        """Whether runs with a lesson end supported more often than runs without it, or it is too early to say."""
        others = self.runs - lesson.uses
        if lesson.uses < TRIAL or others < TRIAL:
            return True
        return lesson.supported / lesson.uses > (self.supported - lesson.supported) / others


_LESSONS = TypeAdapter(Lessons)


def _held_out(task: Task, lesson: Lesson) -> bool:
    """Whether a task's runs go without a lesson. The task decides and no seed, because what is learnt is learnt from
    the tree alone."""
    drawn = hashlib.sha256(f"{task.question}\0{lesson.text}".encode("utf-8", "surrogatepass")).digest()
    return drawn[0] % HELD_OUT == 0


def _promise(lesson: Lesson) -> float:
    """How often it is expected to go well; one half for a new lesson (Laplace's rule of succession)."""
    return (lesson.supported + 1) / (lesson.uses + 2)


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())
