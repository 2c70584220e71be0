"""Why a run's best answer changed: each change with the evidence that brought it about. Pure.

The engine notes after each round which attempt was best. What is known of the attempts at the end tells why, for
evidence is never taken back; only what attempts say of each other is reckoned anew for the attempts there were. What
people said came after the rounds of the run that they spoke of, so it caused none of them: of a run that goes on from
there, only an objection to another answer is a cause, and only where the rest does not explain the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agentfix import evidence
from agentfix.types import Attempt, Critique, Evidence, Polarity, Round, Standing


@dataclass(frozen=True, slots=True)
class Cause:
    """A piece of evidence that made an attempt the best, or kept another from being it."""

    attempt: int
    critic: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Change:
    """Another attempt than before was the best from here on, or the best one stood on other evidence at the end."""

    attempts: int
    """How many attempts there were."""
    before: int | None
    """The best attempt until then; None at the beginning."""
    after: int
    """The same as `before` where it stayed the best, and only what speaks for it changed."""
    causes: tuple[Cause, ...]
    """What speaks for the new one, then what speaks against the old one: in each case of the class that decides. Where
    it stayed the best: what speaks for and against it."""
    reason: str
    """It in a sentence. It holds words of models and tools."""


def changes(attempts: Sequence[Attempt], critiques: Sequence[Critique], rounds: Sequence[Round], best: int | None,
            groups: Sequence[int] = (), *, unopposed: int | None = None) -> tuple[Change, ...]:
    """Each change of the best answer, in order, with what caused it; at last what the final one stands on, where that
    is not told yet.

    Args:
        attempts: of a run, in order of their ids.
        critiques: what was said of them.
        rounds: what the run had come to after each of its rounds.
        best: the attempt that is best now; None where there is none.
        groups: for each attempt the id of the first with the same answer, as `Tree.groups` has it; where it is not
            given, only answers of the same letters are the same.
        unopposed: how many of the rounds came before a person objected; None where the run goes on from no objection.
    """
    found: list[Change] = []
    groups = groups or evidence.groups(attempts, lambda one, other: one.strip() == other.strip())
    now, told = None, ""
    ends = [(ended.attempts, ended.best, unopposed is not None and number >= unopposed)
            for number, ended in enumerate(rounds) if ended.attempts <= len(attempts)]
    for count, leader, opposed in [*ends, *([] if best is None else [(len(attempts), best, unopposed is not None)])]:
        if leader != now and leader < count:
            said = _heard(attempts[:count], critiques, groups, leader, opposed=opposed)
            known = _Known(attempts[:count], said, groups)
            found.append(known.change(now, leader))
            now, told = leader, known.told(leader)
    if best is not None and found:
        known = _Known(attempts, critiques, groups)
        final = known.change(best, best)
        spoken = tuple(cause for cause in final.causes if cause.evidence.polarity == "supports")
        if known.told(best) != told or spoken != tuple(cause for cause in found[-1].causes if cause.attempt == best):
            found.append(final)
    return tuple(found)


def _heard(attempts: Sequence[Attempt], critiques: Sequence[Critique], groups: Sequence[int], leader: int, *,
           opposed: bool) -> Sequence[Critique]:
    """What can have made an attempt the best: of what people said, objections to others, where nothing else did."""
    others = [critique for critique in critiques if critique.critic != evidence.PERSON]
    known = _Known(attempts, others, groups)
    standings = [known.standing(attempt.id) for attempt in attempts]
    if not opposed or evidence.best(attempts, others, standings) == leader:
        return others
    wrong = evidence.objected(critiques) - {leader}
    return [critique for critique in critiques if critique.critic != evidence.PERSON or critique.attempt in wrong]


class _Known:
    """What was known when there were so many attempts."""

    def __init__(self, attempts: Sequence[Attempt], critiques: Sequence[Critique], groups: Sequence[int]) -> None:
        self._said: Mapping[int, list[Critique]] = {attempt.id: [] for attempt in attempts}
        for critique in critiques:
            if critique.attempt in self._said and critique.critic != evidence.AGREEMENT:
                self._said[critique.attempt].append(critique)
        refuted = {number for number, said in self._said.items()
                   if evidence.refuted_above_agreement([item for critique in said if critique.critic != evidence.PERSON
                                                        for item in critique.evidence])}
        voted = any(critique.critic == evidence.AGREEMENT for critique in critiques)
        wrong = {number for number in evidence.objected(critiques) if number < len(attempts)}
        votes = evidence.votes(attempts, groups, refuted, wrong) if voted else {}
        for number, vote in votes.items():
            self._said[number].append(vote)
        self._attempts = attempts

    def change(self, before: int | None, after: int) -> Change:
        return Change(len(self._attempts), before, after, self._causes(before, after), self._reason(before, after))

    def _causes(self, before: int | None, after: int) -> tuple[Cause, ...]:
        against = () if before is None else self._deciding(before, "refutes")
        return (*self._deciding(after, "supports"), *against)

    def _reason(self, before: int | None, after: int) -> str:
        told = self.told(after)
        if before is None or before == after:
            return told
        mine, other = (evidence.rank(self.standing(number)) for number in (after, before))
        if mine != other:
            return f"{told}; {self.told(before)}"
        return f"evidence holds attempts {after} and {before} equal; {self._tie(before, after)}"

    def _tie(self, before: int, after: int) -> str:
        if self._attempts[before].unfinished and not self._attempts[after].unfinished:
            return f"attempt {before} was only a beginning"
        mine, other = self._score(after), self._score(before)
        if mine != other:
            return f"critics score attempt {after} {mine:.2f}, attempt {before} {other:.2f}"
        return f"of equals attempt {after} was taken"

    def told(self, number: int) -> str:
        standing = self.standing(number)
        by = f" by {standing.kind.label}" if standing.kind else ""
        return f"attempt {number} is {standing.state}{by} ({standing.reason})"

    def standing(self, number: int) -> Standing:
        return evidence.standing([item for critique in self._said[number] for item in critique.evidence])

    def _score(self, number: int) -> float:
        given = [critique.score for critique in self._said[number] if critique.score is not None]
        return fmean(given) if given else 0.5

    def _deciding(self, number: int, polarity: Polarity) -> tuple[Cause, ...]:
        kind = self.standing(number).kind
        return tuple(Cause(number, critique.critic, item) for critique in self._said[number]
                     for item in critique.evidence if item.kind == kind and item.polarity == polarity)
