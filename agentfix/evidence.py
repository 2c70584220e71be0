"""The three rules, as pure functions: evidence outranks opinion; keep the best, not the last; never look verified
without support.

Critics propose evidence. `admit` caps it by who stands for it, `standing` nets it, `best` chooses by it, and
`agreement` makes evidence of independent attempts that reach the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from statistics import fmean

from agentfix.types import (
    Attempt,
    Coverage,
    Critique,
    Evidence,
    EvidenceClass,
    Origin,
    Polarity,
    Remark,
    Result,
    Standing,
    Task,
)

AGREEMENT = "agreement"
"""Name under which the engine itself reports what independent attempts say of each other."""

PERSON = "person"
"""Name under which a person's remarks stand among the critics."""

ENGINE_CRITICS = frozenset({"engine", AGREEMENT, PERSON})
"""They speak unasked: an attempt of which only these speak has not been reviewed."""

GREEDY = 0.2
"""Below this temperature, samples of one prompt are all but copies of each other."""

_CEILING: dict[Origin, EvidenceClass] = {
    "caller": EvidenceClass.CONTRACT,
    "person": EvidenceClass.PERSON,
    "instrument": EvidenceClass.MEASUREMENT,
    "document": EvidenceClass.RETRIEVAL,
    "model": EvidenceClass.AGREEMENT,
    "actor": EvidenceClass.OPINION,
}
"""The strongest class each sort of author can give. A test that a model wrote is agreement, whatever executes it."""


_LONGEST_SUMMARY = 200
_MOST_SAID = 2000
"""Characters of what a person said that evidence holds."""
_MOST_WEIGHT = 1e6
"""Weights above it are lowered to it, so that sums stay numbers."""


def admit(evidence: Evidence, task: Task) -> Evidence | None:
    """Let evidence in at the class its author can stand for, or not at all.

    Args:
        evidence: as a critic proposed it.
        task: without checks or a validator of the caller's, there is no contract.

    Returns:
        The evidence, its class perhaps lowered; None for what can't count: support from a merely necessary check, or a
        weight that is not a positive number.
    """
    if evidence.coverage == "necessary" and evidence.polarity == "supports":
        return None
    if not (math.isfinite(evidence.weight) and evidence.weight > 0):
        return None
    ceiling = _CEILING[evidence.origin]
    if ceiling is EvidenceClass.CONTRACT and not task.checks and not task.validator:
        ceiling = EvidenceClass.OPINION
    return replace(evidence, kind=EvidenceClass(min(evidence.kind, ceiling)), weight=min(evidence.weight, _MOST_WEIGHT))


def standing(evidence: Sequence[Evidence]) -> Standing:
    """What evidence amounts to: the strongest class that speaks of the whole answer decides, and no weaker one can
    overturn it. Support and refutation within one class leave it contested.

    Args:
        evidence: all admitted evidence of one attempt.
    """
    partly: Standing | None = None
    for kind in sorted({e.kind for e in evidence}, reverse=True):
        against = [e for e in evidence if e.kind == kind and e.polarity == "refutes"]
        whole = [e for e in evidence if e.kind == kind and e.polarity == "supports" and e.coverage == "whole"]
        part = [e for e in evidence if e.kind == kind and e.polarity == "supports" and e.coverage == "part"]
        if against and (whole or part):
            return Standing("contested", kind, 0.0, f"{against[0].summary}; but {(whole or part)[0].summary}")
        if against:
            return Standing("refuted", kind, _weight(against), against[0].summary)
        if whole:
            return Standing("supported", kind, _weight(whole), whole[0].summary)
        if part and partly is None:
            partly = Standing("unsupported", kind, _weight(part), f"only in part: {part[0].summary}")
    return partly or Standing("unsupported", None, 0.0, "no check that could have failed speaks for it")


def unchecked(task: Task, critiques: Sequence[Critique], of: Standing) -> str:
    """Why an attempt does not count as supported although votes or opinions may support it: the caller says what
    decides, and it was not asked. Empty where it was, or something stronger than votes speaks.

    Args:
        task: of the caller.
        critiques: of the attempt.
        of: what its evidence amounts to.
    """
    decided = any(e.kind is EvidenceClass.CONTRACT for c in critiques for e in c.evidence)
    weak = of.state in ("supported", "unsupported") and (of.kind or 0) <= EvidenceClass.AGREEMENT
    if decided or not weak or not (task.checks or task.validator):
        return ""
    why = "; ".join(" ".join(c.feedback.split()) for c in critiques if c.verdict == "abstain" and c.feedback)
    return f"your checks say nothing of it{f' ({_cut(why)})' if why else ''}"


def refuted_above_agreement(evidence: Sequence[Evidence]) -> bool:
    """Whether evidence stronger than agreement refutes an attempt."""
    found = standing(evidence)
    return found.state == "refuted" and found.kind is not None and found.kind > EvidenceClass.AGREEMENT


def _weight(evidence: Sequence[Evidence]) -> float:
    return math.fsum(e.weight for e in evidence)


def rank(of: Standing) -> tuple[int, int, float]:
    """A sort key: supported by a stronger class, then by more; then what is undecided; then what is refuted, by the
    weakest class first."""
    kind = int(of.kind or 0)
    match of.state:
        case "supported":
            return (3, kind, of.weight)
        case "unsupported":
            return (2, kind, of.weight)
        case "contested":
            return (2, 0, 0.0)
        case "refuted":
            return (1, -kind, -of.weight)


def remarked(remark: Remark, attempt: int) -> Critique:
    """What a person says of an attempt, as a critique.

    Args:
        remark: what they say.
        attempt: of which.
    """
    said = " ".join(remark.text.split())
    right = remark.polarity == "supports"
    summary = f"a person says that it is {'right' if right else 'wrong'}" + (f": {_cut(said)}" if said else "")
    evidence = Evidence(EvidenceClass.PERSON, remark.polarity, summary, PERSON, "person",
                        detail=remark.text[:_MOST_SAID])
    return Critique(attempt, PERSON, "accept" if right else "revise", "" if right else remark.text, (evidence,))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SUMMARY else f"{text[:_LONGEST_SUMMARY]} ..."


def counted(result: Result, remarks: Sequence[Remark], required: EvidenceClass) -> Result:
    """A result with what people said of it since: the answer stays what it was, what speaks for it changes.

    Args:
        result: of a run that ended.
        remarks: each on an attempt of its own.
        required: the class from which its answer counts as supported.
    """
    said = {r.attempt: remarked(r, r.attempt) for r in remarks
            if r.attempt is not None and 0 <= r.attempt < len(result.attempts)}
    if not said:
        return result
    critiques = tuple(c for a in result.attempts for c in (
        *([said[a.id]] if a.id in said else []),
        *(c for c in result.critiques if c.attempt == a.id and not (a.id in said and c.critic == PERSON))))
    standings = tuple(standing([e for c in critiques if c.attempt == a.id for e in c.evidence]) if a.id in said
                      else result.standings[a.id] for a in result.attempts)
    result = replace(result, critiques=critiques, standings=standings)
    if result.best not in said:
        return result
    chosen = standings[result.best]
    supported = chosen.kind if chosen.state == "supported" else None
    abstained = result.declined or supported is None or supported < required
    return replace(result, supported_by=supported, abstained=abstained, reason=chosen.reason)


def objected(critiques: Sequence[Critique]) -> frozenset[int]:
    """The attempts of which a person says that they are wrong."""
    return frozenset(c.attempt for c in critiques for e in c.evidence
                     if e.kind is EvidenceClass.PERSON and e.polarity == "refutes")


def case(evidence: Sequence[Evidence]) -> str:
    """What speaks for an answer and what against it, in a line: of each side the strongest."""
    def strongest(polarity: Polarity) -> str:
        of_side = [e for e in evidence if e.polarity == polarity]
        return max(of_side, key=lambda e: (e.kind, e.weight)).summary if of_side else "nothing"

    return f"for it: {strongest('supports')}; against it: {strongest('refutes')}"


def best(attempts: Sequence[Attempt], critiques: Sequence[Critique], standings: Sequence[Standing], *,
         latest: bool = False) -> int | None:
    """The strongest attempt by evidence; of equals one that no person objects to, then the one that critics score
    highest, and then the earliest, so that nothing is given up without a reason. One that is unfinished is taken only
    where there is no other.

    Where a person objects, no answer is worse than a refuted one, and of answers that the person objects to equally the
    rest of the evidence decides: an objection alone makes nothing better than it was.

    A score is no evidence: it orders what evidence holds equal, and an answer that has none counts as 0.5.

    Args:
        attempts: all of them, in order of their ids.
        critiques: what critics say of them.
        standings: what the evidence for each amounts to.
        latest: of equals take the latest: each has changed what the one before it left.
    """
    given: dict[int, list[float]] = {}
    wrong = objected(critiques)
    for critique in critiques:
        if critique.score is not None:
            given.setdefault(critique.attempt, []).append(critique.score)

    apart = {number: rank(standing([e for c in critiques if c.attempt == number for e in c.evidence
                                    if e.kind is not EvidenceClass.PERSON])) for number in wrong}

    def key(attempt: Attempt) -> tuple[object, ...]:
        score, of = fmean(given.get(attempt.id, (0.5,))), standings[attempt.id]
        nothing = bool(wrong) and attempt.answer is None and of.state != "supported"
        return (not attempt.unfinished, not nothing, rank(of), attempt.id not in wrong,
                apart.get(attempt.id, ()), score, attempt.id if latest else -attempt.id)

    return max(attempts, key=key).id if attempts else None


def groups(attempts: Sequence[Attempt], same: Callable[[str, str], bool],
           known: Sequence[int] = ()) -> tuple[int, ...]:
    """For each attempt, the id of the first attempt with the same answer.

    Args:
        attempts: in order of their ids.
        same: whether two answers are one answer.
        known: what was found for the first of them before.
    """
    found = list(known)
    for attempt in attempts[len(found):]:
        answer = attempt.answer
        firsts = (o for o in attempts[: attempt.id] if found[o.id] == o.id)
        equal = (o.id for o in firsts if answer is not None and o.answer is not None and same(answer, o.answer))
        found.append(next(equal, attempt.id))
    return tuple(found)


def agreement(attempts: Sequence[Attempt], group_of: Sequence[int],
              refuted: Collection[int] = (), *, many_answers: bool = False) -> dict[int, Critique]:
    """What independent attempts say of each other's answers (self-consistency: Wang et al., ICLR 2023, section 2).

    Only attempts that saw no earlier answer have a voice (made from the question alone, or mending one that gave no
    answer or a refuted one), and greedy attempts from one prompt have one voice together. An answer is supported when
    at least two voices and more than half of all give it, and supported in part when it merely leads; the weight is the
    margin over its strongest rival.

    Args:
        attempts: all attempts, in order of their ids.
        group_of: from `groups`.
        refuted: ids of the attempts that stronger evidence refutes; they have no voice.
        many_answers: several answers may be right, as programs are that do the same: then those who give another one
            do not speak against an answer.

    Returns:
        A critique for each attempt that has an answer, once there are two voices; none before.
    """
    voices: dict[int, int] = {}
    heard: set[str] = set()
    led: list[bool] = []
    """Whether an attempt, or one it goes back to, gave an answer that stands."""
    greedy: list[bool] = []
    """Whether an attempt and all it goes back to left nothing to chance."""
    for attempt in attempts:
        parent = attempt.parent
        told = attempt.told or (parent is not None and led[parent])
        answers = attempt.answer is not None and attempt.id not in refuted
        led.append(told or answers)
        greedy.append(attempt.temperature < GREEDY and (parent is None or greedy[parent]))
        if not answers or told or (greedy[attempt.id] and attempt.role in heard):
            continue
        if greedy[attempt.id]:
            heard.add(attempt.role)
        voices[group_of[attempt.id]] = voices.get(group_of[attempt.id], 0) + 1
    total = sum(voices.values())
    if total < 2:
        return {}

    def rival(group: int) -> int:
        return max((count for other, count in voices.items() if other != group), default=0)

    return {
        a.id: _vote(a, mine, 0 if many_answers else rival(group_of[a.id]), total)
        for a in attempts if a.answer is not None
        if (mine := voices.get(group_of[a.id], 0)) > 1 or not many_answers
    }


def votes(attempts: Sequence[Attempt], group_of: Sequence[int], refuted: Collection[int], objected: Collection[int], *,
          many_answers: bool = False) -> dict[int, Critique]:
    """What independent attempts say of each other's answers where a person may have objected to some. A person outranks
    votes: those for what is objected to do not speak against another answer; of that answer itself they are still told.

    Args:
        attempts: as for `agreement`; so are the others.
        objected: ids of attempts that a person objects to.
    """
    against = {group_of[number] for number in objected}
    out = {attempt.id for attempt in attempts if group_of[attempt.id] in against}
    said: dict[int, Critique] = {}
    for group in (None, *against):
        own = {number for number in out if group_of[number] == group}
        found = agreement(attempts, group_of, {*refuted, *(out - own)}, many_answers=many_answers)
        said |= {number: vote for number, vote in found.items() if (number in own if own else number not in out)}
    return said


def _vote(attempt: Attempt, mine: int, rival: int, total: int) -> Critique:
    def evidence(polarity: Polarity, summary: str, weight: float, coverage: Coverage = "whole") -> Evidence:
        return Evidence(EvidenceClass.AGREEMENT, polarity, summary, AGREEMENT, "model", coverage, weight)

    says = f"{mine} of {total} independent attempts give {attempt.answer}"
    if mine >= 2 and mine > rival:
        majority = 2 * mine > total
        leads = evidence("supports", says, mine - rival, "whole" if majority else "part")
        return Critique(attempt.id, AGREEMENT, "accept" if majority else "abstain", "", (leads,))
    if mine < rival:
        against = evidence("refutes", f"{says}; {rival} give another answer", rival - mine)
        return Critique(attempt.id, AGREEMENT, "revise", "", (against,))
    both = (evidence("supports", says, 1.0), evidence("refutes", f"{rival} give another answer", 1.0))
    return Critique(attempt.id, AGREEMENT, "abstain", "", both)
