"""Strategy `mcts:attempts`: Monte Carlo tree search over whole attempts (LATS: Zhou et al., "Language Agent Tree Search
Unifies Reasoning, Acting, and Planning in Language Models", ICML 2024, section 4).

The children of the question are attempts at it; those of an attempt that failed are its revisions. What is known of an
attempt when a decision is made is all that counts: the search is reckoned anew from the tree each time.

Three things differ from the paper, because tokens are what a search with a small model is short of. The question is
expanded first, and wide: samples of one prompt are cheap and differ more than revisions do. An attempt is revised only
when a critic can say what is wrong with it, and never when it repeats another; and until a revision came nearer than
what it revises, few are tried: small models mostly write the same again (Olausson et al., "Is Self-Repair a Silver
Bullet for Code Generation?", ICLR 2024, find the same). A lesson from failed siblings is written once, when more
siblings are wanted, and most of those are not told it: a wrong lesson must not spoil them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfix import SEARCH_ROOT, Expand, Move, Reflect, Reflection, Remaining, Review, SearchStatistic, Tree, worth_of

from .prompts import render
from .reading import (
    TEMPERATURE,
    VALUER,
    acts,
    after_acts,
    children_of,
    depth_of,
    feedback_on,
    settled,
    unreviewed,
)
from .walk import Walk, widened

LEAVES = 2
"""Attempts that are revised at once."""
DEEPEST = 3
"""Revisions of revisions: after that, a small model goes in circles."""
WARMER = 0.9
"""The temperature of revisions, and at which a question is expanded again: what is likelier was drawn before."""
PROBES = 3
"""So many attempts from the question alone come to each revision, until one of them gained something."""
EXPLORE = 0.1
"""Less than LATS has it: failed attempts are worth 0.3 at the most, and how much nearer one came than another would be
lost in it."""
LESSON = "lesson"
LESSON_TOKENS = 80
SHOWN = 3
"""Failed attempts that a lesson is drawn from."""


@dataclass(frozen=True, slots=True)
class AttemptSearch:
    """See the module.

    Args:
        width: how many attempts one expansion of the question makes; of an attempt, half as many, and a quarter until
            a revision gained something.
        ranker: the critic that says how likely an attempt is right of which nothing but words speaks.
    """

    width: int
    ranker: str = VALUER
    name: str = "mcts"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]
        if review := unreviewed(tree):
            return [review]
        if stop := settled(tree):
            return [stop]
        if any(tree.acts):
            return [after_acts(tree)]
        for role in tree.roles:
            if all(attempt.role != role for attempt in tree.attempts):
                return [Expand(role=role)]
        goes_on = budget.rounds is None or budget.rounds > 0
        if goes_on and (unranked := self._unranked(tree)):
            return [Review(unranked, (self.ranker,))]
        leaves = self._leaves(tree)
        lessons: list[Move] = [lesson for leaf in leaves if goes_on and (lesson := self._lesson(tree, leaf))]
        return lessons or [move for leaf in leaves for move in self._expanded(tree, leaf)]

    def _unranked(self, tree: Tree) -> tuple[int, ...]:
        """The attempts of which nothing but words tells how promising they are: the model ranks them by its own
        critique before the search goes on (Agent Q: Putta et al., 2024, section 4.2)."""
        return tuple(a.id for a in tree.attempts if _revisable(tree, a.id) and worth_of(tree, a.id) is None
                     and all(c.critic != self.ranker for c in tree.critiques_of(a.id)))

    def _leaves(self, tree: Tree) -> list[int]:
        """What is expanded next. The question is expanded alone, as what comes may make revisions needless."""
        children = children_of(tree)
        revisions = sum(attempt.parent is not None for attempt in tree.attempts)
        if revisions and not _gained(tree) and (PROBES + 1) * revisions >= len(tree.attempts):
            return [SEARCH_ROOT]

        def may_grow(node: int, known: SearchStatistic) -> bool:
            return (node == SEARCH_ROOT or _revisable(tree, node)) and (
                len(children.get(node, ())) < widened(known.visits, self._width_of(tree, node, gained=False)))

        walk = Walk(tree, children, may_grow, EXPLORE)
        found = [leaf for _ in range(LEAVES) if (leaf := walk.leaf()) is not None]
        return [SEARCH_ROOT] if not found or SEARCH_ROOT in found else found

    def _width_of(self, tree: Tree, node: int, *, gained: bool) -> int:
        if acts(tree):  # each attempt may change the world, so one at a time
            return 1
        return self.width if node == SEARCH_ROOT else max(1, self.width // (2 if gained else 4))

    def _lesson(self, tree: Tree, node: int) -> Reflect | None:
        """What is to be learnt from the children of a node, where all failed and more are wanted."""
        children = children_of(tree).get(node, [])
        failed = sorted((c for c in children if _revisable(tree, c)), key=lambda c: (-(worth_of(tree, c) or 0), c))
        if len(children) < self._width_of(tree, node, gained=False) or not failed or _lessons(tree, node):
            return None
        return Reflect(LESSON, render("lesson"), tuple(sorted(failed[:SHOWN])), LESSON_TOKENS)

    def _expanded(self, tree: Tree, node: int) -> list[Move]:
        lessons = _lessons(tree, node)
        told = _told(lessons[-1]) if lessons else ""
        if node != SEARCH_ROOT:
            parent = tree.attempts[node]
            guidance = "\n".join(part for part in (feedback_on(tree, node), told) if part)
            width = self._width_of(tree, node, gained=_gained(tree))
            return [Expand(node, width, guidance, parent.role, WARMER, _kept(tree, node))]
        made = len(children_of(tree).get(SEARCH_ROOT, ()))
        width = self._width_of(tree, SEARCH_ROOT, gained=False)
        wanted = width - made if made < width else width
        temperature = TEMPERATURE if made < width else WARMER
        each = -(-wanted // len(tree.roles))
        few = -(-each // 4) if told else 0
        shares = ((few, told), (each - few, ""))
        return [Expand(None, n, guidance, role, temperature)
                for role in tree.roles for n, guidance in shares if n > 0]


def _gained(tree: Tree) -> bool:
    """Whether any revision came nearer than what it revises."""
    revisions = ((a.id, a.parent) for a in tree.attempts if a.parent is not None)
    return any((worth_of(tree, made) or 0) > (worth_of(tree, parent) or 0) for made, parent in revisions)


def _lessons(tree: Tree, node: int) -> list[Reflection]:
    """The lessons that were drawn from the children of a node."""
    parent = None if node == SEARCH_ROOT else node
    return [each for each in tree.reflections
            if each.name == LESSON and each.attempts and tree.attempts[each.attempts[0]].parent == parent]


def _told(lesson: Reflection) -> str:
    """What of a lesson is passed on: its sentences, but none that was cut off, and no code, which small models write
    whatever they are told."""
    prose = lesson.text.partition("```")[0]
    return prose[: max(prose.rfind(end) for end in ".!?") + 1].strip()


def _revisable(tree: Tree, number: int) -> bool:
    """Whether a critic says what is wrong with an attempt, and it is worth mending: no copy of another, and not at the
    end of a long line."""
    attempt = tree.attempts[number]
    if attempt.answer is None and attempt.program is None:
        return False
    copy = tree.groups[number] != number or (attempt.program is not None and any(
        other.program == attempt.program for other in tree.attempts[:number]))
    supported = tree.standings[number].state == "supported"
    return not copy and not supported and bool(feedback_on(tree, number)) and depth_of(tree, attempt) < DEEPEST


def _kept(tree: Tree, number: int) -> int | None:
    """How many steps a revision keeps: those before the first wrong one, where a critic names it."""
    steps = [c.step for c in tree.critiques_of(number) if c.verdict == "revise" and c.step]
    return min(steps) if steps else None
