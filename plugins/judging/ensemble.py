"""Critic `ensemble`: several critics' scores made one, so that no answer wins by pleasing one of them (Coste et al.,
"Reward Model Ensembles Help Mitigate Overoptimization", ICLR 2024, section 4).

`worst` takes the lowest score (worst-case optimisation). `uncertainty` takes the mean, less what the critics disagree
(uncertainty-weighted optimisation): here the standard deviation and not the variance, which between 0 and 1 would
hardly be felt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from agentfix import Attempt, Build, CriticContext, Critique, Task, ToolCalls

from .arguments import names
from .members import Member, members, reviews_of
from .opinions import opinion

DEFAULT = ("judge", "yes-no", "p-true")
DISAGREEMENT = 0.5
"""How much of a standard deviation is taken off the mean: the paper's lambda."""


def worst(scores: Sequence[float]) -> float:
    """The lowest of scores."""
    return min(scores)


def uncertainty(scores: Sequence[float]) -> float:
    """The mean of scores less half their standard deviation; not below 0."""
    return max(0.0, fmean(scores) - DISAGREEMENT * pstdev(scores))


_WAYS: dict[str, Callable[[Sequence[float]], float]] = {"worst": worst, "uncertainty": uncertainty}


@dataclass(frozen=True, slots=True)
class Ensemble:
    """See the module.

    Args:
        members: whose scores count.
        way: makes one score of several.
    """

    members: tuple[Member, ...]
    way: Callable[[Sequence[float]], float] = worst
    name: str = "ensemble"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        reviews = await reviews_of(self.members, task, attempts, context)
        if isinstance(reviews, ToolCalls):
            return reviews
        return [self._judged(attempt, reviews[attempt.id], context) for attempt in attempts]

    def _judged(self, attempt: Attempt, said: Sequence[tuple[str, Critique]], context: CriticContext) -> Critique:
        scored = [(critique.score, name, critique) for name, critique in said if critique.score is not None]
        if not scored:
            return Critique(attempt.id, self.name, "abstain")
        score = self.way([score for score, _, _ in scored])
        each = ", ".join(f"{name} {score:.2f}" for score, name, _ in scored)
        _, _, harshest = min(scored, key=lambda found: found[0])
        return opinion(attempt, self.name, context, score, f"{self.way.__name__} of {each}: {score:.2f}",
                       feedback=harshest.feedback)


def read_ensemble(build: Build) -> Ensemble:
    """Make `ensemble[:A,B][:worst|uncertainty]`.

    Raises:
        UsageError: the argument is something else.
        UnknownNameError: a member is no critic.
    """
    listed, _, last = build.argument.rpartition(":")
    if last not in _WAYS:
        listed, last = build.argument, "worst"
    return Ensemble(members(build, names("ensemble", listed, DEFAULT)), _WAYS[last])
