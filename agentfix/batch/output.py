"""The file with the results of a batch: one JSON object a line, each task once, as they are finished."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast

from agentfix.batch.engine import Job
from agentfix.batch.tally import Tally
from agentfix.errors import InputError
from agentfix.lines import LineFile

_OTHER = "Give another --output file."


class OutputFile:
    """Results, claimed for this process until it is closed.

    What failed before is taken out of the file when it is opened, to be tried again. The name of its run says what a
    result was made of: a file that holds others is refused, and left as it is.

    Args:
        path: made when it is not there.
        batch: what the names of this batch's runs begin with.
        jobs: of this batch; results of other tasks are kept and not looked at.

    Raises:
        InputError: the file can't be used, or holds something else.
    """

    def __init__(self, path: Path, batch: str, jobs: Collection[Job]) -> None:
        self.path = path
        self.tally = Tally()
        """Of the results of this batch that the file held."""
        self.done = set[str]()
        """The ids of their tasks."""
        self._batch = batch
        self._runs = {job.id: job.run for job in jobs}
        self._file = LineFile(path)
        try:
            if self._look():
                self._file.replace(line for line in self._file.stored() if json.loads(line)["error"] is None)
            else:
                self._file.take_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a result so that it survives whatever comes next. Raises InputError: the file can't be written."""
        self._file.append(line)

    def close(self) -> None:
        """Let other processes use the file. May be called twice."""
        self._file.close()

    def _look(self) -> int:
        """See what there is; returns how many of the lines say that a task failed."""
        failed = 0
        for line in self._parsed():
            name, run = line["id"], line["run_id"]
            if not run.startswith(self._batch):
                raise InputError(f"{self.path} holds results that were made with other settings: "
                                 f"see agentfix runs show {run}.", _OTHER)
            if self._runs.get(name, run) != run:
                raise InputError(f"{self.path} holds a result of {name!r}, which was another task then.", _OTHER)
            if line["error"] is not None:
                failed += 1
            elif name in self._runs and name not in self.done:
                self.done.add(name)
                self.tally.add(line)
        if self._file.torn and not self._file.torn.startswith(b'{"id": '[:len(self._file.torn)]):
            raise self._no_results(None)
        return failed

    def _parsed(self) -> Iterator[Mapping[str, Any]]:
        for number, text in enumerate(self._file.stored(), 1):
            try:
                line: Any = json.loads(text)
                {line[name] for name in ("id", "run_id")} and line["error"]
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise self._no_results(number) from error
            yield cast("dict[str, Any]", line)

    def _no_results(self, number: int | None) -> InputError:
        where = "" if number is None else f", line {number}"
        return InputError(f"{self.path}{where}: not a result of a batch.", _OTHER)
