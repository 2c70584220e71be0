"""Critic `tests`: runs the caller's own checks against an attempt, which is `contract` evidence. For code without any,
a model writes assertions from the question; those are `agreement`, whatever executes them (CodeT: Chen et al., 2023).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from agentfix import (
    Attempt,
    CriticContext,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    Observation,
    Origin,
    Task,
    ToolCall,
    ToolCalls,
    defused,
)

from .harness import Fault, Harness, assertions_in, build
from .program import OURS, SAID_CHARS

_WRITE = """\
Task:
{question}

Write {count} assert statements that test a correct solution of this task, each on one line, each with a small input \
whose result you are sure of. Call the function `{name}`. Reply with one Python code block that holds only these."""
SELF_WRITTEN = 4


class TestsCritic:
    """See the module."""

    name = "tests"
    __test__ = False

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        harnesses = [await self._harness(task, attempt, context) for attempt in attempts]
        runs = [h for h in harnesses if h is not None and h.runnable]
        if len(context.asked) < len(runs):
            return ToolCalls(tuple(ToolCall("python", {"code": h.code, "want": h.want})
                                   for h in runs[len(context.asked):]))
        observations = iter(context.asked)
        return [
            self._judge(task, attempt, harness, next(observations).observation, context)
            if harness is not None and harness.runnable else self._unrun(attempt, harness)
            for attempt, harness in zip(attempts, harnesses, strict=True)
        ]

    def _unrun(self, attempt: Attempt, harness: Harness | None) -> Critique:
        """What is said of an attempt without running it."""
        if harness is None:
            return Critique(attempt.id, self.name, "abstain")
        if harness.count and harness.broken is not None:
            return self._refuted(attempt, harness.broken)
        return Critique(attempt.id, self.name, "abstain", "the caller's checks check nothing")

    async def _harness(self, task: Task, attempt: Attempt, context: CriticContext) -> Harness | None:
        code = context.kind.name == "code"
        program = (attempt.program or "") if code else f"answer = {_literal(attempt.answer, context.kind.name)}"
        if task.checks:
            return build(program, [check.source for check in task.checks])
        name = _function(program) if code else None
        if name is None:
            return None
        prompt = _WRITE.format(question=task.question, count=SELF_WRITTEN, name=name)
        replies = await context.ask([Message("user", prompt)], max_tokens=300)
        tests = assertions_in(replies[0].text, name)[:SELF_WRITTEN]
        return build(program, tests) if len(tests) >= 2 else None

    def _judge(self, task: Task, attempt: Attempt, harness: Harness, observation: Observation,
               context: CriticContext) -> Critique:
        caller = bool(task.checks)
        kind = EvidenceClass.CONTRACT if caller else EvidenceClass.AGREEMENT
        origin: Origin = "caller" if caller else "model"
        author = "the caller's checks" if caller else f"tests written by {context.model}"
        if harness.passed(observation):
            passed = Evidence(kind, "supports", f"{harness.count} of {harness.count} of {author} pass", author, origin)
            return Critique(attempt.id, self.name, "accept", "", (passed,))
        if observation.status in OURS:
            why = f"The checks could not be run: {defused(observation.text)[:SAID_CHARS]}"
            return Critique(attempt.id, self.name, "abstain", why)
        fault = harness.fault(observation)
        if fault.in_program:
            return self._refuted(attempt, fault, observation.text)
        failed = Evidence(kind, "refutes", fault.summary, author, origin, weight=1 - fault.held,
                          detail=observation.text[:2000])
        return Critique(attempt.id, self.name, "revise", fault.feedback, (failed,))

    def _refuted(self, attempt: Attempt, fault: Fault, detail: str = "") -> Critique:
        """The program itself is at fault, whatever its checks."""
        evidence = Evidence(EvidenceClass.MEASUREMENT, "refutes", fault.summary, "python", "instrument",
                            detail=detail[:2000])
        return Critique(attempt.id, self.name, "revise", fault.feedback, (evidence,))


def _literal(answer: str | None, kind: str) -> str:
    """An answer as a Python literal: a number where a number was asked for, else a string."""
    if kind != "math":
        return repr(answer)
    try:
        value = ast.literal_eval(answer or "")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return repr(answer)
    return repr(value) if isinstance(value, (int, float)) and abs(value) < math.inf else repr(answer)


def _function(program: str) -> str | None:
    """The last function or class that a program defines at its top level."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = [n.name for n in body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    return names[-1] if names else None
