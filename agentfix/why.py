"""Why a run's best answer changed: each change with the evidence that brought it about. Pure.

The engine notes after each round which attempt was best. What is known of the attempts at the end tells why, for
evidence is never taken back; only what attempts say of each other is reckoned anew for the attempts there were.
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
    """What speaks for the new one, then what speaks against the old one: in each case of the class that decides."""
    reason: str
    """It in a sentence. It holds words of models and tools."""


def changes(attempts: Sequence[Attempt], critiques: Sequence[Critique], rounds: Sequence[Round], best: int | None,
            groups: Sequence[int] = ()) -> tuple[Change, ...]:
    """Each change of the best answer, in order, with what caused it; at last what the final one stands on, where that
    is not told yet.

    Args:
        attempts: of a run, in order of their ids.
        critiques: what was said of them.
        rounds: what the run had come to after each of its rounds.
        best: the attempt that is best now; None where there is none.
        groups: for each attempt the id of the first with the same answer, as `Tree.groups` has it; where it is not
            given, only answers of the same letters are the same.
    """
    found: list[Change] = []
    groups = groups or evidence.groups(attempts, lambda one, other: one.strip() == other.strip())
    now: int | None = None
    ends = [(ended.attempts, ended.best) for ended in rounds if ended.attempts <= len(attempts)]
    for count, leader in [*ends, *([] if best is None else [(len(attempts), best)])]:
        if leader != now and leader < count:
            found.append(_change(attempts[:count], critiques, groups, now, leader))
            now = leader
    if best is not None and found:
        final = _change(attempts, critiques, groups, best, best)
        if final.causes != tuple(cause for cause in found[-1].causes if cause.attempt == best):
            found.append(final)
    return tuple(found)


def _change(attempts: Sequence[Attempt], critiques: Sequence[Critique], groups: Sequence[int], before: int | None,
            after: int) -> Change:
    known = _Known(attempts, critiques, groups)
    return Change(len(attempts), before, after, known.causes(before, after), known.reason(before, after))


class _Known:
    """What was known when there were so many attempts."""

    def __init__(self, attempts: Sequence[Attempt], critiques: Sequence[Critique], groups: Sequence[int]) -> None:
        self._said: Mapping[int, list[Critique]] = {attempt.id: [] for attempt in attempts}
        for critique in critiques:
            if critique.attempt in self._said and critique.critic != evidence.AGREEMENT:
                self._said[critique.attempt].append(critique)
        refuted = {number for number, said in self._said.items()
                   if evidence.refuted_above_agreement([item for critique in said for item in critique.evidence])}
        voted = any(critique.critic == evidence.AGREEMENT for critique in critiques)
        votes = evidence.agreement(attempts, groups, refuted) if voted else {}
        for number, vote in votes.items():
            self._said[number].append(vote)
        self._attempts = attempts

    def causes(self, before: int | None, after: int) -> tuple[Cause, ...]:
        against = () if before in (None, after) else self._deciding(before, "refutes")
        return (*self._deciding(after, "supports"), *against)

    def reason(self, before: int | None, after: int) -> str:
        told = self._told(after)
        if before is None or before == after:
            return told
        mine, other = (evidence.rank(self._standing(number)) for number in (after, before))
        if mine != other:
            return f"{told}; {self._told(before)}"
        return f"evidence holds attempts {after} and {before} equal; {self._tie(before, after)}"

    def _tie(self, before: int, after: int) -> str:
        if self._attempts[before].unfinished and not self._attempts[after].unfinished:
            return f"attempt {before} was only a beginning"
        mine, other = self._score(after), self._score(before)
        if mine != other:
            return f"critics score attempt {after} {mine:.2f}, attempt {before} {other:.2f}"
        return f"of equals attempt {after} was taken"

    def _told(self, number: int) -> str:
        standing = self._standing(number)
        by = f" by {standing.kind.label}" if standing.kind else ""
        return f"attempt {number} is {standing.state}{by} ({standing.reason})"

    def _standing(self, number: int) -> Standing:
        return evidence.standing([item for critique in self._said[number] for item in critique.evidence])

    def _score(self, number: int) -> float:
        given = [critique.score for critique in self._said[number] if critique.score is not None]
        return fmean(given) if given else 0.5

    def _deciding(self, number: int, polarity: Polarity) -> tuple[Cause, ...]:
        kind = self._standing(number).kind
        return tuple(Cause(number, critique.critic, item) for critique in self._said[number]
                     for item in critique.evidence if item.kind == kind and item.polarity == polarity)
