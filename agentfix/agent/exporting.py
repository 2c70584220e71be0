"""Training data of the runs in a journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentfix.errors import InputError, JournalError
from agentfix.export import Export, Run, Selection, exported
from agentfix.journal import Archive, KeptJournal, RunStory, RunSummary
from agentfix.protocols import Journal, JournalledCall


async def export_runs(journal: Journal, format_name: str, selection: Selection) -> Export:
    """Make training data of the runs in a journal, oldest first.

    Args:
        journal: where they are.
        format_name: one of `agentfix.export.FORMATS`.
        selection: which runs, and what counts as proof.

    Raises:
        InputError: the journal is not one that can list its runs.
        UnknownNameError: there is no such format.
        JournalError: it can't be read.
    """
    if not isinstance(journal, KeptJournal):
        raise InputError("This journal can't list its runs.", "Export from the journal of a data folder.")
    archive = Archive(journal)
    runs: list[Run] = []
    under_way = 0
    for summary in sorted(archive.runs(), key=lambda run: (run.begun, run.id)):
        kind = str(summary.settings.get("kind")) if summary.result is None else summary.result.kind
        if not selection.wants(summary.id, summary.begun, kind, str(summary.settings.get("strategy"))):
            continue
        if summary.under_way:
            under_way += 1
        else:
            story = await archive.story(summary.id)
            runs.append(_run(story, await _before(archive, summary), kind, selection))
    made = exported(format_name, runs, selection)
    return replace(made, left_out={**made.left_out, "its run is under way": under_way}) if under_way else made


async def _before(archive: Archive, run: RunSummary) -> list[JournalledCall]:
    """The calls of the runs that a run goes on from, where they are still there: they made the attempts that it took
    over."""
    calls: list[JournalledCall] = []
    while run.continues:
        try:
            story = await archive.story(run.continues)
        except JournalError:
            break
        calls, run = [*story.steps, *calls], story.summary
    return calls


def _run(story: RunStory, before: Sequence[JournalledCall], kind: str, selection: Selection) -> Run:
    """A run as it ended. What independent attempts say of each other is in its result only."""
    run = story.summary
    critiques = story.critiques if run.result is None else run.result.critiques
    return Run(run.id, str(run.settings.get("strategy")), kind, story.attempts, critiques, [*before, *story.steps],
               selection.grades.get(run.id, {}), selection.sources.get(run.id, ""))
