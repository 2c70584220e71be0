"""Where a wrong attempt first went wrong, when a tool or a check located it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentfix.export.proofs import Proved
from agentfix.steps import first_steps, steps_of
from agentfix.types import Attempt, Evidence, EvidenceClass

FENCE = "```"


@dataclass(frozen=True, slots=True)
class Fault:
    """The steps of an attempt up to the first that is wrong."""

    steps: tuple[str, ...]
    """The last is the wrong one; in those before it nothing wrong was found."""
    text: str
    """The beginning of the attempt's text that holds them."""
    evidence: Evidence
    """What located it."""


def fault_of(wrong: Proved, require: EvidenceClass) -> Fault | None:
    """Where a wrong attempt first went wrong; None when nothing better than an opinion says where.

    A critic that names the step must have evidence of the required class for it. Of a program that failed, it is the
    line where it failed. Those before it ran, or could be parsed; that they are right is not proved by it, as the cause
    of a failure may lie before the line where it shows. `Fault.evidence` tells which it is.

    Args:
        wrong: an attempt that did not act.
        require: the weakest class that counts as proof.
    """
    text = wrong.attempt.text
    steps = steps_of(text)
    found = [(step, evidence) for step, evidence in (*_named(wrong), *_failed(wrong.attempt))
             if 0 <= step < len(steps) and evidence.kind >= require]
    if not found:
        return None
    step, evidence = min(found, key=lambda each: each[0])
    return Fault(steps[: step + 1], first_steps(text, step + 1), evidence)


def _named(wrong: Proved) -> Iterator[tuple[int, Evidence]]:
    for critique in wrong.run.critiques:
        if critique.attempt == wrong.attempt.id and critique.step is not None:
            yield from ((critique.step, e) for e in critique.evidence if e.polarity == "refutes")


def _failed(attempt: Attempt) -> Iterator[tuple[int, Evidence]]:
    """The step that holds the line where the attempt's program failed."""
    seen = attempt.observation
    if seen is None or seen.ok:
        return
    line = seen.data.get("line")
    if not isinstance(line, int) or line < 1:
        return
    program = [each.rstrip() for each in (attempt.program or "").splitlines()[:line]]
    text = [each.rstrip() for each in attempt.text.splitlines()]
    starts = [i for i in range(len(text)) if text[i:i + line] == program]
    if len(program) == line and starts:
        before = "\n".join(attempt.text.splitlines()[: starts[-1] + line])
        step = next(n for n in range(len(text)) if len(first_steps(attempt.text, n + 1)) >= len(before.rstrip()))
        said = f"line {line} failed: {seen.data.get('error') or seen.status}"
        yield step, Evidence(EvidenceClass.MEASUREMENT, "refutes", said, seen.tool, "instrument", "necessary")


def spliced(fault: Fault, reflection: str, right: str) -> str:
    """The wrong beginning, a reflection on it, and the right way from where they part.

    Args:
        fault: where it went wrong.
        reflection: what is to be said then.
        right: a whole right answer.
    """
    steps = steps_of(right)
    shared = 0
    while shared < min(len(fault.steps) - 1, len(steps) - 1) and steps[shared] == fault.steps[shared]:
        shared += 1
    in_code = FENCE in right  # a block that is shown again must be whole
    rest = right if in_code else right[len(first_steps(right, shared)):].strip("\n")
    is_open = fault.text.count(FENCE) % 2 and not fault.steps[-1].lstrip().startswith(FENCE)
    end = f"\n{FENCE}" if is_open else ""
    return f"{fault.text}{end}\n\n{reflection}\n\n{rest}"
