"""Files of records that an evaluation is resumed from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import InputError

R = TypeVar("R")


@dataclass
class RecordLines(Generic[R]):
    """Records appended as lines of JSON under a first line that says what they were made with.

    Args:
        path: made when it is not there.
        header: model, data set, seed and so on; a file with another header is refused.
        kind: the dataclass of a record.
    """

    path: Path
    header: Mapping[str, Any]
    kind: type[R]
    records: list[R] = field(default_factory=list[R], init=False)
    """Those that the file held already."""

    def __post_init__(self) -> None:
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            whole, _, torn = content.rpartition(b"\n")
            if torn:  # the evaluation was killed while it wrote this line
                with self.path.open("r+b") as file:
                    file.truncate(len(content) - len(torn))
            if whole:
                found, self.records = _parsed(self.path, whole.split(b"\n"), self.kind)
                self._compare(found)
            else:
                self._write(self.header, "w")
        except OSError as error:
            raise InputError(f"{self.path} can't be used for results: {error.strerror}.") from error

    def append(self, record: R) -> None:
        """Write one record so that it survives whatever comes next. Raises InputError: the file can't be written."""
        try:
            self._write(asdict(record), "a")  # pyright: ignore[reportArgumentType] - no type says "a dataclass"
        except OSError as error:
            raise InputError(f"{self.path} can't be written: {error.strerror}.") from error

    def _write(self, row: Mapping[str, Any], mode: str) -> None:
        with self.path.open(mode, encoding="utf-8") as file:
            file.write(json.dumps(dict(row), ensure_ascii=True) + "\n")

    def _compare(self, found: Mapping[str, Any]) -> None:
        for key, value in self.header.items():
            if found.get(key) != value:
                raise InputError(f"{self.path} holds results with {key} {found.get(key)!r}, not {value!r}.",
                                 "Give another --output file.")


def stored(path: Path, kind: type[R]) -> tuple[Mapping[str, Any], list[R]]:
    """What a file of records was made with, and the records; a last line that was cut off is left out.

    Raises:
        InputError: it can't be read, or is no such file.
    """
    try:
        whole = path.read_bytes().rpartition(b"\n")[0]
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", "Name a file that --output made.") from error
    return _parsed(path, whole.split(b"\n"), kind)


def _parsed(path: Path, lines: Sequence[bytes], kind: type[R]) -> tuple[Mapping[str, Any], list[R]]:
    number, adapter = 1, TypeAdapter(kind)
    try:
        header: Any = json.loads(lines[0])
        if not isinstance(header, dict):
            raise ValueError("the header is no object")
        records: list[R] = []
        for line in lines[1:]:
            number += 1
            records.append(adapter.validate_json(line))
    except (ValueError, ValidationError) as error:
        raise InputError(f"{path}, line {number}: not a record of an evaluation.",
                         "Give another --output file.") from error
    return cast("dict[str, Any]", header), records
