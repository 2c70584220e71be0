"""What a run or a recording file holds, for making the run again."""

from __future__ import annotations

from pathlib import Path

from agentfix.errors import InputError, JournalError
from agentfix.exchange import check_journalled
from agentfix.protocols import Journal, JournalledCall
from agentfix.recording import Recording, find_recording, recording_of


async def recording_from(source: str | Path, journal: Journal) -> Recording:
    """What was recorded of a run.

    Args:
        source: the name of a run in the journal, or a recording file.
        journal: where runs are.

    Raises:
        JournalError: there is no such run and no such file.
        InputError: the file does not say of which run it is.
        RecordingError: the file is no recording.
    """
    if not isinstance(source, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not check types
        raise InputError(f"A run or a recording file must be named, not {source!r}.", "See: agentfix runs list")
    header = await journal.header(str(source))
    if header is not None:
        results = await journal.records(str(source), "result")
        ended = bool(results) and not str(results[-1].get("stop_reason")).startswith("failed: ")
        return recording_of(str(source), header, await calls_of(str(source), journal), ended=ended)
    recording = find_recording(source)
    if recording is None:
        raise JournalError(f"There is no run and no file {str(source)!r}.", "See: agentfix runs list")
    if not recording.runs:
        raise InputError(f"{str(source)!r} does not say of which run it is.",
                         f"Name the question: agentfix run --model replay:{source} QUESTION")
    return recording


async def calls_of(run: str, journal: Journal) -> list[JournalledCall]:
    """The calls of a run, in order.

    Raises:
        JournalError: one is damaged.
    """
    calls = await journal.calls(run)
    for call in calls:
        check_journalled(run, call.request, call.reply)
    return calls
