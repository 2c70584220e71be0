"""Which attempts are proved right or wrong, and by what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.evidence import standing
from agentfix.export.runs import Run
from agentfix.export.turns import Chat, Turn, turns_of
from agentfix.types import Attempt, Evidence, EvidenceClass


@dataclass(frozen=True, slots=True)
class Proved:
    """An attempt that evidence of the required class proved right or wrong."""

    run: Run
    attempt: Attempt
    right: bool
    evidence: tuple[Evidence, ...]
    """That which decided."""
    turns: tuple[Turn, ...]
    """What was asked and written, in order; one, unless the attempt acted."""
    question: Chat | None
    """What was asked in the attempt's own role before anything was answered; None where that is not known."""

    @property
    def plain(self) -> dict[str, Any]:
        """What proves it, for a row."""
        return {"run": self.run.id, "attempt": self.attempt.id, "model": self.attempt.author, "right": self.right,
                "evidence": [told(e) for e in self.evidence]}


def told(evidence: Evidence) -> dict[str, str]:
    """Evidence, for a row."""
    return {"class": evidence.kind.label, "polarity": evidence.polarity, "summary": evidence.summary,
            "author": evidence.author}


def proved(runs: Sequence[Run], require: EvidenceClass, left_out: Counter[str]) -> list[Proved]:
    """The attempts that are proved right or wrong, in the order of runs and attempts.

    Args:
        runs: in order.
        require: the weakest class that counts as proof.
        left_out: reasons why attempts are none of them, with how often each was one.
    """
    found = [each for run in runs for attempt in run.attempts
             if (each := _proved(run, attempt, require, left_out)) is not None]
    said: dict[str, set[bool]] = {}
    for each in found:
        said.setdefault(_name(each), set()).add(each.right)
    certain = [each for each in found if len(said[_name(each)]) == 1]
    if len(found) > len(certain):
        left_out["proved right in one run and wrong in another"] += len(found) - len(certain)
    return certain


def _proved(run: Run, attempt: Attempt, require: EvidenceClass, left_out: Counter[str]) -> Proved | None:
    held = [e for critique in run.critiques if critique.attempt == attempt.id for e in critique.evidence]
    held += _graded(run, attempt)
    found = standing(held)
    if found.kind is None or found.state == "unsupported":
        left_out["nothing proves it right or wrong"] += 1
    elif found.state == "contested":
        left_out["what speaks for it and against it weighs the same"] += 1
    elif found.kind < require:
        left_out[f"no more than {found.kind.label} speaks of it"] += 1
    elif attempt.unfinished or attempt.finish_reason == "length":
        left_out["it was cut off before its end"] += 1
    elif turns := turns_of(run, attempt, left_out):
        right = found.state == "supported"
        polarity = "supports" if right else "refutes"
        decided = tuple(e for e in held if e.kind is found.kind and e.polarity == polarity)
        question = _question(run, attempt)
        if not attempt.steps and question is not None and turns[0].text != attempt.text:
            turns = [Turn(question, attempt.text)]  # it went on from steps of another one, and is proved as a whole
        return Proved(run, attempt, right, decided, tuple(turns), question)
    return None


def _graded(run: Run, attempt: Attempt) -> list[Evidence]:
    """What an evaluation says of the answer: its reference is its caller's own check."""
    right = None if attempt.answer is None else run.grades.get(attempt.answer)
    if right is None:
        return []
    summary = f"the reference says that it is {'right' if right else 'wrong'}"
    return [Evidence(EvidenceClass.CONTRACT, "supports" if right else "refutes", summary, "the evaluation", "caller")]


def _question(run: Run, attempt: Attempt) -> Chat | None:
    """What was asked for the first attempt in the same role, if nothing was answered before it."""
    first = next(each for each in run.attempts if each.role == attempt.role)
    turns = turns_of(run, first, Counter()) if first.parent is None and not first.steps else []
    return turns[0].prompt if turns else None


def _name(of: Proved) -> str:
    return json.dumps([(turn.prompt, turn.text) for turn in of.turns])
