"""What people say of runs that have ended: kept beside them in the journal, and counted with their evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from agentfix.agent.inheriting import taken_over
from agentfix.errors import InputError, JournalError
from agentfix.evidence import counted
from agentfix.protocols import Journal
from agentfix.settings import Settings
from agentfix.types import Inherited, Remark, Result

_RESULT = TypeAdapter(Result)
_REMARKS = TypeAdapter(list[Remark])


async def keep(journal: Journal, run: str, remark: Remark) -> Inherited:
    """Keep a remark beside a run, in place of an earlier one on the same attempt.

    Returns:
        The run's tree, for another run to go on from.

    Raises:
        JournalError: the journal can't be read or written.
        InputError: there is no such attempt.
    """
    found = await taken_over(journal, run, remark)
    await journal.record(run, "remark", str(found.remark.attempt), asdict(found.remark))
    return found


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


def _understood(adapter: TypeAdapter[Any], data: Mapping[str, Any] | Sequence[Any], run: str) -> Any:
    try:
        return adapter.validate_python(data)
    except ValueError as error:
        raise JournalError(f"What was recorded of run {run!r} can't be understood: {error}.") from error
