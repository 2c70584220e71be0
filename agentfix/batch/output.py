"""The file with the results of a batch: one JSON object a line, each task once, as they are finished."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentfix.batch.engine import Job
from agentfix.batch.tally import Tally
from agentfix.errors import InputError
from agentfix.lines import LineFile

_OTHER = "Give another --output file."


class _Usage(BaseModel):
    """Fields of `agentfix.types.Usage`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompt_tokens: int = Field(0, ge=0)
    cached_prompt_tokens: int = Field(0, ge=0)
    completion_tokens: int = Field(0, ge=0)
    model_calls: int = Field(0, ge=0)
    tool_calls: int = Field(0, ge=0)
    cost: float | None = Field(0.0, ge=0, allow_inf_nan=False)
    estimated: bool = False


class _Line(BaseModel):
    """What is looked at of a line."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    run_id: str
    error: str | None
    abstained: bool = True
    usage: _Usage = Field(default_factory=lambda: _Usage.model_validate({}))


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
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file that results could be read from again.", _OTHER)
        self._file = LineFile(path.resolve())
        try:
            if self._look():
                stored = self._file.stored()
                self._file.replace(line for line in map(_plain, stored)
                                   if line and _Line.model_validate_json(line).error is None)
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
            name, run = line.id, line.run_id
            if not run.startswith(self._batch):
                raise InputError(f"{self.path} holds results that were made with other settings: "
                                 f"see agentfix runs show {run}.", _OTHER)
            if self._runs.get(name, run) != run:
                raise InputError(f"{self.path} holds a result of {name!r}, which was another task then.", _OTHER)
            if line.error is not None:
                failed += 1
            elif name in self._runs and name not in self.done:
                self.done.add(name)
                self.tally.add(line.model_dump())
        if self._file.torn and not self._file.torn.startswith(b'{"id": '[:len(self._file.torn)]):
            raise self._no_results(None)
        return failed

    def _parsed(self) -> Iterator[_Line]:
        for number, text in enumerate(map(_plain, self._file.stored()), 1):
            if not text:
                continue
            try:
                yield _Line.model_validate_json(text)
            except ValidationError as error:
                raise self._no_results(number) from error

    def _no_results(self, number: int | None) -> InputError:
        where = "" if number is None else f", line {number}"
        return InputError(f"{self.path}{where}: not a result of a batch.", _OTHER)


def _plain(line: bytes) -> bytes:
    """Without what editors put around it: a byte order mark, spaces, the end of a line of Windows."""
    return line.removeprefix(codecs.BOM_UTF8).strip()
