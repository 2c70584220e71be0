"""Strategy `debate`: two debaters answer, see each other's answer and argument, and keep or change theirs over rounds
(Du et al., "Improving Factuality and Reasoning in Language Models through Multiagent Debate", ICML 2024). Where they
part to the end, a judge who has only read them decides (Khan et al., "Debating with More Persuasive LLMs Leads to More
Truthful Answers", ICML 2024).

The first debater is the greedy attempt that every strategy begins with; the second takes the kind's second way to an
answer, or is a sample. It ends at once where they agree independently, or where evidence supports an answer. What they
come to agree on in the debate is no evidence, and neither is the judge's word: it says which of answers that evidence
holds equal is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentfix import (
    ENGINE_CRITICS,
    Attempt,
    Critique,
    EvidenceClass,
    Expand,
    Move,
    Remaining,
    Review,
    Stop,
    Tree,
    fence,
)

from .prompts import render

ROUNDS = 2
TEMPERATURE = 0.7
"""Of the second debater, where the kind has one way to an answer."""
JUDGES = ("judge:pairwise", "judge", "self-critique")
"""The first of them that there is."""
LONGEST = 2_000
"""Characters of an argument that are shown."""
_WORTH = {"accept": 1.0, "abstain": 0.5, "revise": 0.0}


class Debate:
    """See the module.

    Args:
        rounds: how often the debaters answer each other.
        judge: the critic that decides, by name.
    """

    name = "debate"

    def __init__(self, rounds: int, judge: str) -> None:
        self._rounds = rounds
        self._judge = judge

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        lines = _lines(tree)
        if len(lines) < 2:
            first: list[Move] = [Expand()] if not lines else []
            return [*first, _second(tree)]
        open_ = tuple(a.id for a in tree.attempts if not _reviewed(tree, a))
        if open_:
            return [Review(open_)]
        best = tree.best
        assert best is not None
        standing = tree.standings[best]
        if standing.state == "supported" and (standing.kind or 0) >= EvidenceClass.AGREEMENT:
            return [Stop(standing.reason, best)]
        one, other = lines[0][-1], lines[1][-1]
        made = min(len(line) for line in lines) - 1
        if tree.groups[one.id] == tree.groups[other.id] and tree.standings[one.id].state != "refuted":
            return [Stop(f"after {made} rounds both debaters give one answer, though not independently", one.id)]
        if made < self._rounds and not one.steps and not other.steps and not _stuck(lines):
            return [_reply(tree, lines, turn) for turn in (0, 1) if len(lines[turn]) == made + 1]
        answers = ([attempt for attempt in line if attempt.answer is not None] for line in lines)
        return self._decided(tree, [line[-1] for line in answers if line])

    def _decided(self, tree: Tree, answers: Sequence[Attempt]) -> list[Move]:
        """The judge's word on the last answer of each."""
        if len(answers) < 2:
            return [Stop("a debater came to no answer", answers[0].id if answers else tree.best)]
        said = [next((c for c in tree.critiques_of(a.id) if c.critic == self._judge), None) for a in answers]
        if said == [None, None]:
            return [Review(tuple(a.id for a in answers), (self._judge,))]
        one, other = (_worth(critique) for critique in said)
        if one == other:
            return [Stop(f"{self._judge} can't tell which debater is right", tree.best)]
        winner = answers[0] if one > other else answers[1]
        return [Stop(f"{self._judge} decides for attempt {winner.id}", winner.id)]


def _lines(tree: Tree) -> list[list[Attempt]]:
    """What each debater said, in order."""
    line_of: dict[int, list[Attempt]] = {}
    for attempt in tree.attempts:
        line = [] if attempt.parent is None else line_of[attempt.parent]
        line.append(attempt)
        line_of[attempt.id] = line
    return [line_of[attempt.id] for attempt in tree.attempts if attempt.parent is None]


def _second(tree: Tree) -> Expand:
    return Expand(role=tree.roles[1]) if len(tree.roles) > 1 else Expand(temperature=TEMPERATURE)


def _reviewed(tree: Tree, attempt: Attempt) -> bool:
    critics = {c.critic for c in tree.critiques_of(attempt.id)}
    return "engine" in critics or bool(critics - ENGINE_CRITICS)


def _stuck(lines: Sequence[Sequence[Attempt]]) -> bool:
    """Whether both said word for word what they had said before: in the next round they would be asked the same."""
    return all(len(line) > 1 and line[-1].text == line[-2].text for line in lines)


def _silent(tree: Tree, line: Sequence[Attempt]) -> bool:
    """Whether a debater gave no answer that stands. What such a one answers next counts as independent: so it may not
    have seen what the other answers."""
    standings = [tree.standings[attempt.id] for attempt in line if attempt.answer is not None]
    return all(s.state == "refuted" and (s.kind or 0) > EvidenceClass.AGREEMENT for s in standings)


def _reply(tree: Tree, lines: Sequence[Sequence[Attempt]], turn: int) -> Expand:
    """A debater's next answer. Nothing is kept of the text before, so that every way to an answer is asked for as it
    was at first, with the debate below."""
    mine, other = lines[turn][-1], lines[1 - turn][min(len(lines[turn]), len(lines[1 - turn])) - 1]
    fault = next((c.feedback for c in tree.critiques_of(mine.id) if c.verdict == "revise" and c.feedback), "")
    shown = "" if _silent(tree, lines[turn]) else fence(other.text, "another debater", LONGEST)
    told = render("reply", mine=fence(mine.text, "you, before", LONGEST), other=shown, fault=fault)
    return Expand(parent=mine.id, guidance=told, role=mine.role, temperature=mine.temperature, keep_steps=0)


def _worth(critique: Critique | None) -> float:
    if critique is None:
        return _WORTH["abstain"]
    return _WORTH[critique.verdict] if critique.score is None else critique.score
