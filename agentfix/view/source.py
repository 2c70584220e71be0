"""Where the page's data comes from: a journal, and perhaps a file of an evaluation. Each answer is plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from agentfix.errors import InputError
from agentfix.journal import RunStory, RunSummary
from agentfix.view.difference import lines_changed
from agentfix.view.evaluation import evaluation_data
from agentfix.view.plain import plain
from agentfix.view.run import Trace, attempt_data, run_data, step_data, summary_data, trace_of

LISTED = 2000
"""How many runs are listed, the newest first."""
KEPT = 4
"""How many runs are kept as they were read."""


class Runs(Protocol):
    """What is asked of a journal; `agentfix.journal.Archive` is such."""

    def runs(self, limit: int | None = None) -> list[RunSummary]: ...
    def state(self, run: str) -> tuple[object, ...]: ...
    async def story(self, run: str) -> RunStory: ...


class Source:
    """Answers what the page asks, by name.

    Args:
        archive: of the journal; None where there is none, as for an evaluation alone.
        evaluation: the file that `agentfix eval --output` made.
    """

    def __init__(self, archive: Runs | None, evaluation: Path | None = None) -> None:
        self._archive = archive
        self._evaluation = evaluation
        self._kept: dict[str, tuple[object, Trace, Any]] = {}
        """The state in which runs were read, and what is told of them."""

    async def answer(self, name: str, asked: Mapping[str, str]) -> Any:
        """The data of that name.

        Args:
            name: `runs`, `run`, `attempt`, `step`, `compared` or `evaluation`.
            asked: of which run, and so on.

        Raises:
            InputError: there is nothing of that name, or it lacks something.
            JournalError: there is no such run, or it can't be read.
        """
        try:
            match name:
                case "runs":
                    return self.runs()
                case "run":
                    return (await self._read(asked["run"]))[1]
                case "attempt":
                    return attempt_data(await self.trace(asked["run"]), int(asked["number"]))
                case "step":
                    return step_data(await self.trace(asked["run"]), int(asked["number"]))
                case "compared":
                    return compared(await self.trace(asked["run"]), await self.trace(asked["other"]))
                case "evaluation" if self._evaluation is not None:
                    return evaluation_data(self._evaluation, self._names())
                case _:
                    raise InputError(f"There is nothing named {name[:40]!r} to look at.")
        except (KeyError, ValueError, IndexError) as error:
            raise InputError(f"There is no such {name}.") from error

    def runs(self) -> list[dict[str, Any]]:
        """The runs in a line each, newest first."""
        return [] if self._archive is None else [summary_data(run) for run in self._archive.runs(LISTED)]

    async def trace(self, run: str) -> Trace:
        """A run, whole. Raises JournalError when there is none."""
        return (await self._read(run))[0]

    async def _read(self, run: str) -> tuple[Trace, Any]:
        if self._archive is None:
            raise InputError(f"There is no run {run!r} here.")
        state = self._archive.state(run)  # before it is read: what comes meanwhile is read the next time
        kept = self._kept.pop(run, None)
        if kept is None or kept[0] != state:
            trace = trace_of(await self._archive.story(run))
            kept = state, trace, run_data(trace)
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[run] = kept
        return kept[1:]

    def _names(self) -> set[str]:
        return set() if self._archive is None else {run.id for run in self._archive.runs()}


def compared(one: Trace, other: Trace) -> dict[str, Any]:
    """What two runs answer, and how the answers differ."""

    def told(trace: Trace, of: Callable[[Trace, int], Any]) -> Any:
        return None if trace.tree.best is None else of(trace, trace.tree.best)

    def best(trace: Trace) -> str:
        attempt = None if trace.tree.best is None else trace.attempt(trace.tree.best)
        return "" if attempt is None else attempt.program or attempt.text

    return {"best": [told(trace, attempt_data) for trace in (one, other)],
            "diff": plain(lines_changed(best(one), best(other)))}
