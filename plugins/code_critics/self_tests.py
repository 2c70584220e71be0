"""Critic `self-tests`: all programs of the tree against tests that a model wrote from the question alone (CodeRL: Le et
al., NeurIPS 2022; CodeT: Chen et al., ICLR 2023; DSTC: Liu et al., 2024).

Neither side is trusted: `consensus.py` weighs the tests by the programs and the programs by the tests. Whatever runs
them, what comes of it is `agreement`. A test that fails is shown to the reviser with the smallest input on which it
still fails.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Observation,
    Task,
    ToolCall,
    ToolCalls,
)

from .consensus import Row, agreed_by, share, weights
from .examples import UNREADABLE, Example, agreed, examples_in, name_to_test
from .prompts import render
from .running import SHOWN, Outcome, joined, outcomes, parses
from .shrinking import smaller

SAMPLES = 3
"""Of the tests: what they disagree about is not tested."""
EACH = 6
MOST_TESTS = 12
TEMPERATURE = 0.7
CREDIBLE = 0.5
"""From this weight on a test is more likely right than not, and a program that fails it is refuted."""
LEAST = 2
"""Fewer tests support nothing."""


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Which program passes which test."""

    tests: Sequence[Example]
    programs: Sequence[str]
    given: Sequence[Mapping[int, Outcome]]
    """For each program, what its calls gave."""
    rows: Sequence[Row]
    weight: Sequence[float]

    def worst(self, number: int) -> int | None:
        """The test most to be believed of those that a program fails; None when it fails none that is credible."""
        failed = [test for test in self.rows[number].failed if self.weight[test] >= CREDIBLE]
        return max(failed, key=lambda test: (self.weight[test], -test), default=None)


class SelfTests:
    """See the module."""

    name = "self-tests"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        known = {a.id: a for a in (*context.tree.attempts, *attempts) if a.program and a.answer is not None}
        programs = list(dict.fromkeys(a.program or "" for a in known.values()))
        tests = await self._tests(task, programs, context)
        if len(tests) < LEAST:
            return [Critique(a.id, self.name, "abstain", "no tests could be written for it") for a in attempts]
        ran = {str(asked.call.arguments.get("code")): asked.observation for asked in context.asked}
        runs = {program: joined(program, tests) for program in programs if parses(program)}
        if wanted := [code for code in runs.values() if code not in ran]:
            return _run(wanted)
        matrix = _matrix(programs, tests, {p: ran[code] for p, code in runs.items()}, list(known.values()))
        judged = {a.id: programs.index(a.program) for a in attempts if a.program in programs}
        probes = {number: _probes(matrix, number, test) for number in judged.values()
                  if (test := matrix.worst(number)) is not None}
        if wanted := [code for codes in probes.values() for _, _, code in codes if code not in ran]:
            return _run(wanted)
        return [self._judge(a, matrix, judged[a.id], probes.get(judged[a.id], []), ran, context.model)
                if a.id in judged else Critique(a.id, self.name, "abstain") for a in attempts]

    async def _tests(self, task: Task, programs: Sequence[str], context: CriticContext) -> list[Example]:
        name = name_to_test(task.question, programs)
        if name is None:
            return []
        question = f"{task.question}\n\n{task.context}".strip()
        prompt = render("self_tests", question=question, count=EACH, name=name)
        replies = await context.ask([Message("user", prompt)], temperature=TEMPERATURE, max_tokens=400, n=SAMPLES)
        return agreed([examples_in(reply.text, name) for reply in replies], MOST_TESTS)

    def _judge(self, attempt: Attempt, matrix: _Matrix, number: int, probes: Sequence[_Probe],
               ran: Mapping[str, Observation], model: str) -> Critique:
        row, author = matrix.rows[number], f"tests written by {model}"
        if not row.passed and not row.failed:
            return Critique(attempt.id, self.name, "abstain", "the tests could not be run")
        score = share(row, matrix.weight)
        test = matrix.worst(number)
        if test is not None:
            said = _said(matrix.tests[test], matrix.given[number].get(test))
            summary = " ".join(said.replace("\nThe call", "; the call").split())[:300]
            against = Evidence(EvidenceClass.AGREEMENT, "refutes", summary, author, "model", weight=matrix.weight[test])
            feedback = _smallest(matrix, number, test, probes, ran) or said
            return Critique(attempt.id, self.name, "revise", feedback, (against,), score)
        if len(row.passed) < LEAST or score <= CREDIBLE:
            return Critique(attempt.id, self.name, "abstain", score=score)
        ran_count = len(row.passed) + len(row.failed)
        passes = Evidence(EvidenceClass.AGREEMENT, "supports", f"{len(row.passed)} of {ran_count} {author} pass, "
                          f"by weight {score:.0%}", author, "model", weight=score)
        return Critique(attempt.id, self.name, "accept", "", (passes,), score)


_Probe = tuple[str, Sequence[Example], str]
"""A program, the calls that are tried with it, and the source of both."""


def _run(codes: Sequence[str]) -> ToolCalls:
    return ToolCalls(tuple(ToolCall("python", {"code": code}) for code in dict.fromkeys(codes)))


def _matrix(programs: Sequence[str], tests: Sequence[Example], ran: Mapping[str, Observation],
            attempts: Sequence[Attempt]) -> _Matrix:
    everything = frozenset(range(len(tests)))
    given: list[Mapping[int, Outcome]] = []
    rows: list[Row] = []
    for program in programs:
        found = outcomes(program, tests, ran[program]) if program in ran else dict.fromkeys(
            everything, Outcome("start", "SyntaxError: it is not valid Python"))
        passed = frozenset(test for test, outcome in found.items() if outcome.how == "pass")
        voices = sum(a.parent is None for a in attempts if a.program == program)
        given.append(found)
        rows.append(Row(passed, frozenset(found) - passed, voices))
    return _Matrix(tests, programs, given, rows, weights(rows, len(tests)))


def _probes(matrix: _Matrix, number: int, test: int) -> list[_Probe]:
    """What is run to find a smaller input: the program that fails, and one that passes, for what is right there.
    Without one, only an error can be looked for."""
    outcome = matrix.given[number].get(test)
    other = agreed_by(matrix.rows, test)
    calls = [Example(call, "None", "is") for call in smaller(matrix.tests[test].call)]
    if not calls or outcome is None or outcome.how in ("hang", "start") or (other is None and outcome.how != "raise"):
        return []
    programs = [matrix.programs[number], *([] if other is None else [matrix.programs[other]])]
    return [(program, calls, joined(program, calls)) for program in programs]


def _smallest(matrix: _Matrix, number: int, test: int, probes: Sequence[_Probe],
              ran: Mapping[str, Observation]) -> str | None:
    """The failure on the smallest input that fails in the same way: by the same error, or by a value that is another
    than the one given by the programs that agree. None when there is none smaller."""
    if not probes:
        return None
    mine, *others = [outcomes(program, calls, ran[code]) for program, calls, code in probes]
    error = _error(matrix.given[number].get(test))
    for place, example in enumerate(probes[0][1]):
        got = mine.get(place)
        if got is None or got.how in ("hang", "start") or _error(got) != error:
            continue
        if not others:
            return f"{example.call} ends with {got.said}"
        right = others[0].get(place)
        if right is None or right.how not in ("pass", "fail") or (value := _value(right)) is None:
            continue
        if error is not None or ((other := _value(got)) is not None and other[0] != value[0]):
            return _said(Example(example.call, right.said), got)
    return None


def _error(outcome: Outcome | None) -> str | None:
    return outcome.said.partition(":")[0] if outcome is not None and outcome.how == "raise" else None


def _value(outcome: Outcome) -> tuple[object] | None:
    """The value that a call gave; None for one that can't be read from how it is written, or was cut."""
    try:
        return (ast.literal_eval(outcome.said),) if len(outcome.said) < SHOWN else None
    except (TypeError, *UNREADABLE):
        return None


def _said(example: Example, outcome: Outcome | None) -> str:
    """What went wrong, for the reviser."""
    check = f"This check fails:\n    {example}"
    match outcome:
        case Outcome(how="start", said=said):
            return f"The code fails before it can be tested: {said}"
        case Outcome(how="hang"):
            return f"{check}\nThe call does not end."
        case Outcome(how="raise", said=said):
            return f"{check}\nThe call ends with {said}"
        case Outcome(said=said):
            return f"{check}\nThe call gives {said}"
        case None:
            return check
