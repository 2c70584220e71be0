"""Runs written into a journal by hand: a search of any size, and one whose every text is hostile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from agentfix import evidence
from agentfix.digest import digest, model_body, tool_body
from agentfix.journal import SqliteJournal
from agentfix.protocols import CallKey
from agentfix.types import (
    Attempt,
    Check,
    Completion,
    Critique,
    Evidence,
    EvidenceClass,
    Message,
    ModelRequest,
    Observation,
    Result,
    Round,
    Step,
    Task,
    ToolCall,
    Usage,
)

_RESULT = TypeAdapter(Result)
BEGUN = 1_760_000_000.0


@dataclass
class Trace:
    """What is known of a run."""

    run: str
    task: Task
    settings: dict[str, str]
    attempts: list[Attempt]
    critiques: list[Critique]
    calls: list[tuple[str, str, ModelRequest | ToolCall, list[Completion] | Observation, float]]
    """Place, model, request, reply, seconds."""
    rounds: tuple[Round, ...] = ()
    stop_reason: str = "budget: rounds"
    ended: bool = True
    kind: str = "code"


async def write(folder: Path, traces: Sequence[Trace]) -> None:
    """Put runs into the journal of a data folder, one after the other."""
    journal = SqliteJournal(folder / "journal.sqlite")
    for number, trace in enumerate(traces):
        await _write(journal, trace, BEGUN + 1000 * number)
    await journal.aclose()


async def _write(journal: SqliteJournal, trace: Trace, begun: float) -> None:
    run, ended = trace.run, begun
    await journal.begin_run(run, {"task": asdict(trace.task), "settings": trace.settings})
    journal.db.execute("UPDATE runs SET begun = ? WHERE id = ?", (begun, run))
    for place, model, request, reply, seconds in trace.calls:
        body = tool_body(request) if isinstance(request, ToolCall) else model_body(model, request)
        said = (
            {"observation": asdict(reply)}
            if isinstance(reply, Observation)
            else {"completions": [asdict(completion) for completion in reply]}
        )
        await journal.end(CallKey(run, place, digest(body)), body, {**said, "seconds": seconds})
        ended += seconds
        journal.db.execute(
            "UPDATE calls SET ended = ? WHERE place = ? AND run = (SELECT number FROM runs WHERE id = ?)",
            (ended, place, run),
        )
    for attempt in trace.attempts:
        await journal.record(run, "attempt", str(attempt.id), asdict(attempt))
    for critique in trace.critiques:
        await journal.record(run, "critique", f"{critique.attempt}.{critique.critic}", asdict(critique))
    for each in trace.rounds:
        await journal.record(run, "round", str(each.attempts), asdict(each))
    if trace.ended:
        await journal.record(run, "result", "", _RESULT.dump_python(result_of(trace, ended - begun), mode="json"))


def result_of(trace: Trace, seconds: float) -> Result:
    """What the engine would have made of it."""
    held: dict[int, list[Evidence]] = {attempt.id: [] for attempt in trace.attempts}
    for critique in trace.critiques:
        held[critique.attempt] += critique.evidence
    standings = tuple(evidence.standing(held[attempt.id]) for attempt in trace.attempts)
    best = evidence.best(trace.attempts, trace.critiques, standings)
    stands = None if best is None else standings[best]
    supported = stands.kind if stands is not None and stands.state == "supported" else None
    written = sum(c.usage.completion_tokens for *_, reply, _ in trace.calls if isinstance(reply, list) for c in reply)
    return Result(
        trace.run,
        None if best is None else trace.attempts[best].answer,
        supported,
        supported is None,
        trace.stop_reason,
        stands.reason if stands else "",
        best,
        trace.kind,
        tuple(trace.attempts),
        tuple(trace.critiques),
        standings,
        Usage(40 * len(trace.calls), 0, written, len(trace.calls)),
        seconds,
        trace.rounds,
    )


def search(count: int, seed: int = 0, run: str = "20260101-000000-search") -> Trace:
    """A search that tries and mends, and finds at last what passes all checks."""
    chance = random.Random(seed)
    task = Task(
        "Write a function `median(numbers)` that returns the middle of the sorted numbers, or the mean of the "
        "two in the middle.",
        "code",
        (
            Check("assert median([3, 1, 2]) == 2"),
            Check("assert median([1]) == 1"),
            Check("assert median([4, 1, 2, 3]) == 2.5"),
        ),
    )
    trace = Trace(run, task, {"strategy": "mcts:8", "model": "scripted:", "kind": "code"}, [], [], [])
    rounds: list[Round] = []
    for number in range(count):
        parent = None if number < 6 else chance.randrange(max(0, number - 1 - number // 2), number)
        parent = None if number % 97 == 0 else parent
        _attempt(trace, number, parent, chance, found=number == count - max(1, count // 9))
        if number % 5 == 4 or number == count - 1:
            so_far = replace(trace, attempts=trace.attempts[: number + 1])
            best = result_of(so_far, 0.0).best
            if best is not None and (not rounds or rounds[-1].best != best):
                rounds.append(Round(number + 1, best, Usage()))
    trace.rounds = tuple(rounds)
    return trace


def _attempt(trace: Trace, number: int, parent: int | None, chance: random.Random, *, found: bool) -> None:
    lines = [f"    # the middle of {chance.randint(2, 99)} numbers" for _ in range(chance.randint(1, 9))]
    body = (
        "(s[n // 2] + s[(n - 1) // 2]) / 2"
        if found
        else chance.choice(["s[n // 2]", "s[n / 2]", "sum(s) / n", "s[len(s) // 2 - 1]", "s[(n + 1) // 2]"])
    )
    program = "\n".join(
        ["def median(numbers):", "    s = sorted(numbers)", "    n = len(s)", *lines, f"    return {body}"]
    )
    passed = 3 if found else chance.choice([0, 0, 1, 2])
    kind, polarity = (EvidenceClass.CONTRACT, "supports" if found else "refutes")
    summary = f"{passed} of 3 of the caller's checks pass"
    if not found and chance.random() < 0.15:
        kind, summary = EvidenceClass.MEASUREMENT, "running the code ends with TypeError: list indices must be integers"
    item = Evidence(
        kind,
        polarity,
        summary,
        "the caller",
        "caller",
        weight=1.0 if found else 1 - passed / 3,
        detail="assert median([4, 1, 2, 3]) == 2.5\nAssertionError: 3 == 2.5" if not found else "",
    )
    trace.attempts.append(
        Attempt(
            number,
            parent,
            "program",
            "qwen2.5-coder-1.5b",
            f"```python\n{program}\n```",
            program,
            program,
            temperature=0.0 if number == 0 else 0.8,
        )
    )
    trace.critiques.append(
        Critique(
            number,
            "tests",
            "accept" if found else "revise",
            "" if found else "The mean of the two in the middle is wanted.",
            (item,),
        )
    )
    asked = ModelRequest((Message("system", "You write Python."), Message("user", trace.task.question)))
    spent = Usage(120, 90, len(program) // 4, cost=0.0)
    trace.calls.append(
        (
            f"a{number}.model",
            "qwen2.5-coder-1.5b",
            asked,
            [Completion(f"```python\n{program}\n```", usage=spent)],
            1 + 2 * chance.random(),
        )
    )
    trace.calls.append(
        (
            f"c{number}.0.tests.0",
            "",
            ToolCall("python", {"code": f"{program}\nassert median([1]) == 1"}),
            Observation("python", "ok" if found else "error", summary),
            0.2 + 0.3 * chance.random(),
        )
    )


def hostile(run: str, strings: Sequence[str]) -> Trace:
    """A run with an attempt for each string, and the string in every one of its fields that can hold it."""
    every = "\n".join(strings)
    trace = Trace(
        run,
        Task(every, every),
        {"strategy": every, "model": every, "kind": every},
        [],
        [],
        [],
        stop_reason=every,
        kind=every,
    )
    for number, bad in enumerate(strings):
        name = bad.replace("\ud800", "?")  # no database takes it as a key
        seen = Observation(bad, bad, bad, {bad: bad})
        act = Step(bad, (ToolCall(bad, {"code": bad}), ToolCall(bad, {bad: bad})), (seen, seen), bad)
        polarity = "supports" if number % 2 else "refutes"
        item = Evidence(EvidenceClass(1 + number % 5), polarity, bad, bad, "instrument", detail=f"{bad}\n{bad}")
        trace.attempts.append(
            Attempt(
                number,
                number - 1 if number % 3 else None,
                bad,
                bad,
                f"{bad}\n{bad}",
                bad,
                f"{bad}\n# {bad}" if number % 2 else None,
                seen,
                steps=(act,) * (number % 2),
            )
        )
        trace.critiques.append(Critique(number, name, "revise", bad, (item,), 0.5, 0))
        messages = (Message("system", bad), Message("user", bad))
        trace.calls.append((f"a{number}.model", bad, ModelRequest(messages), [Completion(bad)], 0.5))
        trace.calls.append((f"c{number}.0.{name}.0", "", ToolCall(bad, {"code": bad, bad: bad}), seen, 0.1))
    trace.rounds = tuple(Round(number, number - 1, Usage()) for number in range(1, len(strings) + 1))
    return trace
