"""What people say of runs that have ended: kept beside them in the journal, and counted with their evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentfix.agent.header import read_header
from agentfix.agent.inheriting import inherited_in, taken_over
from agentfix.errors import InputError, JournalError
from agentfix.evidence import counted
from agentfix.protocols import Journal
from agentfix.settings import Settings
from agentfix.types import Inherited, Remark, Result

_RESULT = TypeAdapter(Result)
_REMARKS = TypeAdapter(list[Remark])
_REMARK = TypeAdapter(Remark)


async def keep(journal: Journal, run: str, remark: Remark) -> Inherited:
    """Keep a remark beside a run, in place of an earlier one on the same attempt; beside the run that it took the
    attempt over from, too.

    Returns:
        The run's tree, for another run to go on from.

    Raises:
        JournalError: the journal can't be read or written.
        InputError: there is no such attempt, approval is of one that gives no answer, or the remark is none.
    """
    found = await taken_over(journal, run, _read(remark))
    number = found.remark.attempt or 0
    if found.remark.polarity == "supports" and found.attempts[number].answer is None:
        raise InputError(f"Attempt {number} of run {run!r} gives no answer that could be right.",
                         f"Say which is meant: agentfix runs show {run}")
    name: str | None = run
    while name is not None:
        await journal.record(name, "remark", str(number), asdict(found.remark))
        before = inherited_in(await journal.header(name))
        took_over = before is not None and number < len(before.attempts)
        name = before.run if before and took_over and await journal.header(before.run) is not None else None
    return found


async def remarked_on(journal: Journal, run: str, remark: Remark, settings: Settings) -> Result:
    """Keep a remark on a run that has ended.

    Returns:
        The result as it stands now.

    Raises:
        JournalError: there is no such run.
        InputError: it has not ended, or has no such attempt.
    """
    _, settings = read_header(run, await journal.header(run), settings, {})
    await as_it_stands(journal, run, settings)
    await keep(journal, run, remark)
    return await as_it_stands(journal, run, settings)


async def as_it_stands(journal: Journal, run: str, settings: Settings) -> Result:
    """The result of a run with what people said of it since.

    Args:
        journal: holds it.
        run: its name.
        settings: of the run.

    Raises:
        JournalError: it can't be read.
        InputError: the run has not ended.
    """
    results = await journal.records(run, "result")
    if not results:
        raise InputError(f"Run {run!r} has not ended.", f"Go on with it: agentfix resume {run}")
    result = _understood(_RESULT, results[-1], run)
    return counted(result, _understood(_REMARKS, await journal.records(run, "remark"), run), settings.required_class)


def _read(remark: Remark) -> Remark:
    """The remark as it will be read back: what can't be would make the journal's runs unreadable."""
    try:
        return _REMARK.validate_python(asdict(remark))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(f"The remark's {first['loc'][0]} is wrong: {first['msg']}.",
                         'For example: Remark("why", "supports").') from error


def _understood(adapter: TypeAdapter[Any], data: Mapping[str, Any] | Sequence[Any], run: str) -> Any:
    try:
        return adapter.validate_python(data)
    except ValueError as error:
        raise JournalError(f"What was recorded of run {run!r} can't be understood: {error}.") from error
