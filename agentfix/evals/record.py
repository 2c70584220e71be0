"""What is kept of each item and strategy, and the file that an evaluation is resumed from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import InputError


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a run had come after a round."""

    attempts: int
    """Made so far."""
    correct: bool
    """Whether the best of them is right: the answer, had the run ended here."""
    completion_tokens: int
    """Spent so far."""


@dataclass(frozen=True, slots=True)
class Record:
    """One item under one strategy."""

    item: str
    strategy: str
    """As the table names it."""
    ran: str
    """As it was run: with as many answers as equal terms allow."""
    seed: int
    repeat: int = 0
    """Which of the repeats of the item, from 0."""
    first_answer: str | None = None
    first_correct: bool = False
    answer: str | None = None
    correct: bool = False
    first_f1: float = 0.0
    f1: float = 0.0
    any_correct: bool = False
    """Whether any attempt is right: what an oracle would have chosen."""
    stages: tuple[Stage, ...] = ()
    """After each round; the last one is the result."""
    confidence: float | None = None
    """How much the evidence speaks for the answer, from 0 to 1; None in records that don't know."""
    abstained: bool = True
    supported_by: str | None = None
    stop_reason: str = ""
    attempts: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    cost: float | None = None
    """Money, in the unit of the price table; None where no price is known."""
    seconds: float = 0.0
    run_id: str = ""
    note: str = ""
    """What went wrong with the scoring, if anything."""
    error: str = ""
    """Why there is no result. It counts as wrong."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What tells it from all others of an evaluation."""
        return self.item, self.repeat, self.strategy

    @property
    def oracle(self) -> bool:
        """Whether any attempt is known to be right."""
        return self.any_correct or self.correct or self.first_correct


def in_order(records: Iterable[Record], items: Sequence[str], strategies: Sequence[str]) -> list[Record]:
    """The records of some items and strategies, in an order that does not tell which was finished first.

    Args:
        records: in any order.
        items: their ids, in order.
        strategies: by the names in the table, in order.
    """
    row = {item: place for place, item in enumerate(items)}
    column = {strategy: place for place, strategy in enumerate(strategies)}
    known = (record for record in records if record.item in row and record.strategy in column)
    return sorted(known, key=lambda record: (record.repeat, row[record.item], column[record.strategy]))


_RECORD = TypeAdapter(Record)


def read_records(path: Path) -> tuple[Mapping[str, Any], list[Record]]:
    """What an evaluation was made with, and its records.

    Args:
        path: a file that `RecordFile` wrote.

    Raises:
        InputError: it can't be read, or is none.
    """
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")  # a line that is not ended was not written whole
        first, *lines = whole.split(b"\n")
        header = TypeAdapter(dict[str, Any]).validate_json(first)
        return header, [_RECORD.validate_json(line) for line in lines]
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{path} does not hold the records of an evaluation.",
                         "Give the --output file of agentfix eval.") from error


@dataclass
class RecordFile:
    """Records appended as lines of JSON under a first line that says what they were made with.

    Args:
        path: made when it is not there.
        header: model, data set, seed and so on; a file with another header is refused.
    """

    path: Path
    header: Mapping[str, Any]
    records: list[Record] = field(default_factory=list[Record], init=False)
    """Those that the file held already."""

    def __post_init__(self) -> None:
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            whole, _, torn = content.rpartition(b"\n")
            if torn:  # the evaluation was killed while it wrote this line
                with self.path.open("r+b") as file:
                    file.truncate(len(content) - len(torn))
            if whole:
                self._read(whole.split(b"\n"))
            else:
                self._write(self.header, "w")
        except OSError as error:
            raise InputError(f"{self.path} can't be used for results: {error.strerror}.") from error

    def append(self, record: Record) -> None:
        """Write one record so that it survives whatever comes next. Raises InputError: the file can't be written."""
        try:
            self._write(asdict(record), "a")
        except OSError as error:
            raise InputError(f"{self.path} can't be written: {error.strerror}.") from error

    def _write(self, row: Mapping[str, Any], mode: str) -> None:
        with self.path.open(mode, encoding="utf-8") as file:
            file.write(json.dumps(dict(row), ensure_ascii=True) + "\n")

    def _read(self, lines: list[bytes]) -> None:
        number = 0
        try:
            for number, line in enumerate(lines, 1):
                if number == 1:
                    self._compare(json.loads(line))
                else:
                    self.records.append(_RECORD.validate_json(line))
        except (ValueError, ValidationError) as error:
            raise InputError(f"{self.path}, line {number}: not a record of an evaluation.",
                             "Give another --output file.") from error

    def _compare(self, found: Any) -> None:
        if not isinstance(found, dict):
            raise ValueError("the header is no object")
        for key, value in self.header.items():
            if found.get(key) != value:
                raise InputError(f"{self.path} holds results with {key} {found.get(key)!r}, not {value!r}.",
                                 "Give another --output file.")
