"""Critic `program`: what running an attempt's program showed (CRITIC, section 4.2).

All of it is necessary and none of it sufficient: a program that crashes is refuted, one that merely runs is supported
by nothing yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Task, ToolCalls, defused

OURS = frozenset({"unsupported", "budget", "spawn_failed", "refused", "fault", "missing"})
"""Outcomes that say something of the sandbox or the tool, not of the program."""
SAID_CHARS = 1000


class ProgramCritic:
    """See the module."""

    name = "program"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return [self._judge(attempt) for attempt in attempts]

    def _judge(self, attempt: Attempt) -> Critique:
        if attempt.observation is None:
            return Critique(attempt.id, self.name, "abstain", "")
        status = attempt.observation.status
        if status in OURS:
            why = f"The program could not be run here ({status}): {defused(attempt.observation.text)[:SAID_CHARS]}"
            return Critique(attempt.id, self.name, "revise", f"{why}\nUse plain Python and its standard library only.")
        if status != "ok":
            return self._refuted(attempt, f"the program ended with {_outcome(attempt)}", _fault(attempt))
        if attempt.answer is None:
            return self._refuted(attempt, "the program yields no answer", _no_answer(attempt))
        return Critique(attempt.id, self.name, "abstain", "")

    def _refuted(self, attempt: Attempt, summary: str, feedback: str) -> Critique:
        detail = attempt.observation.text if attempt.observation else ""
        evidence = Evidence(EvidenceClass.MEASUREMENT, "refutes", summary, "python", "instrument", "necessary",
                            detail=detail[:2000])
        return Critique(attempt.id, self.name, "revise", feedback, (evidence,))


def _outcome(attempt: Attempt) -> str:
    assert attempt.observation is not None
    error = attempt.observation.data.get("error")
    return defused(str(error or attempt.observation.status))[:200]


def _fault(attempt: Attempt) -> str:
    """The one fault, with its line."""
    assert attempt.observation is not None
    line = attempt.observation.data.get("line")
    lines = (attempt.program or "").splitlines()
    where = ""
    if isinstance(line, int) and 1 <= line <= len(lines):
        where = f" at line {line}:\n    {lines[line - 1].strip()}"
    return f"Your program failed{where}\n{_outcome(attempt)}"


def _no_answer(attempt: Attempt) -> str:
    assert attempt.observation is not None
    printed = defused(str(attempt.observation.data.get("stdout") or "").strip())
    said = f" It printed: {printed[:200]}" if printed else ""
    return f"Your program ran, but it yields no result: `solution()` must return the number that is asked for.{said}"
