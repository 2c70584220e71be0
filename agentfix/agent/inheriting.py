"""What a run takes over that goes on from another one, and how its header keeps that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import InputError, JournalError
from agentfix.evidence import AGREEMENT, ENGINE_CRITICS, PERSON, best, remarked, standing
from agentfix.exchange import check_journalled
from agentfix.graph.world import UNDONE
from agentfix.protocols import Journal
from agentfix.types import Attempt, Critique, Inherited, Remark, Result, Round

FROM = "from"
"""Where a header keeps what the run took over."""
_INHERITED = TypeAdapter(Inherited)
_ATTEMPTS = TypeAdapter(list[Attempt])
_CRITIQUES = TypeAdapter(list[Critique])
_RESULT = TypeAdapter(Result)
_ROUNDS = TypeAdapter(list[Round])
_REMARKS = TypeAdapter(list[Remark])


def inherited_in(header: Mapping[str, Any] | None) -> Inherited | None:
    """What a run takes over, as its header has it; None where it begins with its task.

    Raises:
        JournalError: it is damaged.
    """
    held = (header or {}).get(FROM)
    try:
        return None if held is None else _INHERITED.validate_python(held)
    except ValueError as error:
        raise JournalError(f"What a run takes over is damaged in its header: {error}.", "Begin it anew.") from error


def continued_from(header: Mapping[str, Any] | None) -> str:
    """The run that one with this header goes on from; empty where it begins with its task."""
    inherited = inherited_in(header)
    return "" if inherited is None else inherited.run


def continuing(header: Mapping[str, Any], inherited: Inherited) -> Mapping[str, Any]:
    """The header of a run that goes on from another one, whose header is given. Its actor is asked, even where the
    other one checked a given answer."""
    kept = {name: value for name, value in header.items() if name != "given"}
    return {**kept, FROM: _INHERITED.dump_python(inherited, mode="json")}


async def taken_over(journal: Journal, run: str, remark: Remark) -> Inherited:
    """What goes on in another run.

    Args:
        journal: holds the run.
        run: its name; it has ended or was cut off.
        remark: what a person says of one of its attempts.

    Raises:
        JournalError: the journal can't be read.
        InputError: there is nothing to go on from, or no such attempt.
    """
    attempts, critiques, chosen = await judged(journal, run)
    if chosen is None:
        raise InputError(f"Run {run!r} made no attempt that could be spoken of.",
                         "Go on with it first if it was cut off; else ask anew.")
    number = chosen if remark.attempt is None else remark.attempt
    if not 0 <= number < len(attempts):
        raise InputError(f"Run {run!r} has no attempt {number}.", f"See: agentfix runs show {run}")
    before = inherited_in(await journal.header(run))
    observed, undone = ([], []) if before is None else ([*before.observed], [*before.undone])
    for call in await journal.calls(run):
        if call.reply is not None and "tool" in call.request:
            check_journalled(run, call.request, call.reply)
            seen = call.reply["observation"]
            observed.append((str(call.request["tool"]), str(seen["text"])))
            if UNDONE in call.place and seen["status"] == "ok":
                undone.append(call.place)
    return Inherited(run, replace(remark, attempt=number), tuple(attempts), tuple(critiques),
                     tuple(dict.fromkeys(observed)), tuple(undone))


async def judged(journal: Journal, run: str) -> tuple[Sequence[Attempt], Sequence[Critique], int | None]:
    """The attempts of a run, what critics and people say of them, and which it returned, or would return now.

    Raises:
        JournalError: they can't be read.
    """
    results = await journal.records(run, "result")
    try:
        remarks = _REMARKS.validate_python(await journal.records(run, "remark"))
        if results:
            result = _RESULT.validate_python(results[-1])
            return result.attempts, _with_people(result.critiques, remarks), result.best
        attempts = _ATTEMPTS.validate_python(await journal.records(run, "attempt"))
        critiques = _CRITIQUES.validate_python(await journal.records(run, "critique"))
        rounds = _ROUNDS.validate_python(await journal.records(run, "round"))
    except ValueError as error:
        raise JournalError(f"The attempts of run {run!r} can't be understood: {error}.", "Begin it anew.") from error
    heard = max((ended.attempts for ended in rounds), default=0)  # later ones may be reviewed in part: it is done anew
    told = [c for c in critiques if c.attempt < len(attempts) and (c.attempt < heard or c.critic in ENGINE_CRITICS)]
    critiques = _with_people(told, remarks)
    standings = [standing([e for c in critiques if c.attempt == a.id for e in c.evidence]) for a in attempts]
    return attempts, critiques, best(attempts, critiques, standings)


def _with_people(critiques: Sequence[Critique], remarks: Sequence[Remark]) -> list[Critique]:
    """With the last word of people, and without what attempts say of each other."""
    said = {remark.attempt: remarked(remark, remark.attempt) for remark in remarks if remark.attempt is not None}
    return [*said.values(), *(c for c in critiques if c.critic != AGREEMENT
                              and not (c.critic == PERSON and c.attempt in said))]
