"""Strategy `multi-actor`: several actors, and a critic of three who feeds back what a change gains (LLaMAC: Zhang et
al., "Controlling Large Language Model-based Agents for Large-Scale Decision-Making: An Actor-Critic Approach", 2023;
ReAd: Zhang et al., "Towards Efficient LLM Grounding for Embodied Multi-Agent Collaboration", 2024).

Three actors answer, each for itself. The best answer is the plan. Of it one critic seeks another way (explore), one
what to better in this one (exploit), and an assessor says which of their points are false, for both may be wrong
(LLaMAC's triplet). Two actors then change the plan, one by each. What a change is worth more or less than the plan is
its advantage: the next round is told of it (ReAd), and a round in which none has one is the last. What is gained so is
no evidence; it says which of answers that evidence holds equal is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import (
    ENGINE_CRITICS,
    Attempt,
    EvidenceClass,
    Expand,
    Move,
    Reflect,
    Remaining,
    Review,
    Stop,
    Tree,
    fence,
    worth_of,
)

from .prompts import render

ROUNDS = 2
JUDGES = ("judge", "self-critique")
"""The first of them that there is."""
ACTORS = 3
TEMPERATURE = 0.7
"""Of actors that are not the first in their way to an answer."""
CRITICS = ("explore", "exploit", "assess")
SUGGESTION_TOKENS = 120
_LONGEST = 600
"""Characters of a suggestion, or of an answer, that are shown."""


class MultiActor:
    """See the module.

    Args:
        rounds: how often the plan may be changed.
        judge: the critic whose score says what an answer is worth where evidence does not, by name.
    """

    name = "multi-actor"

    def __init__(self, rounds: int, judge: str) -> None:
        self._rounds = rounds
        self._judge = judge

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if len(tree.attempts) < ACTORS:
            return _first(tree)[len(tree.attempts):]
        unseen = tuple(a.id for a in tree.attempts if not _reviewed(tree, a))
        if unseen:
            return [Review(unseen)]
        plan = _plan(tree)
        best = tree.best if tree.best is not None else plan.id
        standing = tree.standings[best]
        if standing.state == "supported" and (standing.kind or 0) >= EvidenceClass.AGREEMENT:
            return [Stop(standing.reason, best)]
        if any(tree.acts):
            return [Stop("what was done is not done again", best)]
        unjudged = tuple(a.id for a in tree.attempts if a.answer is not None and not self._judged(tree, a))
        if unjudged:
            return [Review(unjudged, (self._judge,))]
        made = (len(tree.attempts) - ACTORS) // 2
        if made and plan.id < ACTORS + 2 * (made - 1):
            return [Stop(f"no change has an advantage over attempt {plan.id}", plan.id)]
        if made == self._rounds:
            return [Stop(f"the plan was changed {made} times", plan.id)]
        return _changes(tree, plan)

    def _judged(self, tree: Tree, attempt: Attempt) -> bool:
        return any(critique.critic == self._judge for critique in tree.critiques_of(attempt.id))


def _first(tree: Tree) -> list[Move]:
    """Each actor for itself: the greedy answer, the kind's second way or a sample, and a sample."""
    second = Expand(role=tree.roles[1]) if len(tree.roles) > 1 else Expand(temperature=TEMPERATURE)
    return [Expand(), second, Expand(temperature=TEMPERATURE)]


def _plan(tree: Tree) -> Attempt:
    """The answer that is worth most; of equals the one that evidence holds best, then the first."""
    return max(tree.attempts, key=lambda a: (a.answer is not None, _worth(tree, a), a.id == tree.best, -a.id))


def _worth(tree: Tree, attempt: Attempt) -> float:
    return worth_of(tree, attempt.id) or 0.0


def _changes(tree: Tree, plan: Attempt) -> list[Move]:
    """What the three critics are asked for, in turn; then the two changes."""
    said = {r.name: r.text for r in tree.reflections if r.name in CRITICS and r.attempts == (plan.id,)}
    points = {name: fence(said[name], f"the {name} critic", _LONGEST) for name in CRITICS if name in said}
    for name in CRITICS:
        if name not in said:
            return [Reflect(name, render(f"multi_actor_{name}", points=points), (plan.id,), SUGGESTION_TOKENS)]
    tried = [(fence(a.answer or "no answer", "an actor", _LONGEST), _worth(tree, a) - _worth(tree, plan))
             for a in tree.attempts[ACTORS:] if a.id != plan.id]
    return [Expand(parent=plan.id, temperature=temperature,
                   guidance=render("multi_actor_change", point=points[name], assessed=points["assess"], tried=tried))
            for name, temperature in (("explore", TEMPERATURE), ("exploit", 0.0))]


def _reviewed(tree: Tree, attempt: Attempt) -> bool:
    critics = {critique.critic for critique in tree.critiques_of(attempt.id)}
    return "engine" in critics or bool(critics - ENGINE_CRITICS)
