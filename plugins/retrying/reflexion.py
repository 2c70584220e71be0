"""Strategy `reflexion` (Shinn et al., "Reflexion", NeurIPS 2023, algorithm 1): whole retries from the question, with
lessons in words from what failed before.

The paper's memory ends with a task. Here lessons outlast the run as long as they measurably help: see `lessons`. They
are worded generally, and what of them is not is struck out: see `wording`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Attempt, EvidenceClass, Expand, Move, Reflect, Reflection, Remaining, Stop, Tree

from .acted import acts, may_act_again
from .judged import fresh, opening
from .lessons import Lessons
from .prompts import render
from .wording import general

RETRIES = 3
MOST_RETRIES = 16
LESSON = "lesson"
LESSON_TOKENS = 96
"""Two sentences."""
TEMPERATURE = 0.7
"""Of a retry in a way that was gone before."""


class Reflexion:
    """See the module. It learns: `agentfix memory list` shows what.

    Args:
        retries: how often it begins anew.
    """

    name = "reflexion"

    def __init__(self, retries: int = RETRIES) -> None:
        self._retries = retries

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        moves = opening(tree)
        if moves is not None:
            return moves
        last = tree.attempts[-1]
        if any(tree.acts) and not may_act_again(tree, last):
            return [Stop(f"it is left as it was done: {tree.standings[last.id].reason}", tree.best)]
        if len(tree.attempts) > self._retries:
            return [Stop(f"{self._retries} retries were made", tree.best)]
        if all(lesson.attempts != (last.id,) for lesson in _lessons(tree)):
            return [Reflect(LESSON, render("lesson"), (last.id,), LESSON_TOKENS)]
        return [_retry(tree, last, memory)]

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(tree.attempts) < 2 or tree.best is None:
            return memory
        standing = tree.standings[tree.best]
        supported = standing.state == "supported" and (standing.kind or 0) >= EvidenceClass.AGREEMENT
        return Lessons.of(memory).after(tree.task, supported, _learnt(tree)).as_memory()


def _retry(tree: Tree, last: Attempt, memory: Mapping[str, Any]) -> Expand:
    """Begin anew: the same way again where it was refuted, else one that was not gone yet, for what is neither refuted
    nor supported gains most from another way's agreement."""
    tried = {attempt.role for attempt in fresh(tree)}
    others = [role for role in tree.roles if role not in tried and not acts(tree)]
    refuted = tree.standings[last.id].state == "refuted"
    role = last.role if refuted or not others else others[0]
    lessons = dict.fromkeys((*Lessons.of(memory).for_task(tree.task), *_learnt(tree)))
    return Expand(guidance="\n".join(f"- {lesson}" for lesson in lessons if lesson), role=role,
                  temperature=TEMPERATURE if role in tried else 0.0)


def _learnt(tree: Tree) -> tuple[str, ...]:
    """The lessons of this run, as far as they are general."""
    return tuple(general(lesson.text, tree.task, (tree.attempts[i] for i in lesson.attempts))
                 for lesson in _lessons(tree))


def _lessons(tree: Tree) -> tuple[Reflection, ...]:
    """What was reflected for this strategy; one around it may have had hints written."""
    return tuple(reflection for reflection in tree.reflections if reflection.name == LESSON)
