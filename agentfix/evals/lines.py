"""Files of records that an evaluation is resumed from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

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
                self._read(whole.split(b"\n"))
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

    def _read(self, lines: list[bytes]) -> None:
        number, adapter = 0, TypeAdapter(self.kind)
        try:
            for number, line in enumerate(lines, 1):
                if number == 1:
                    self._compare(json.loads(line))
                else:
                    self.records.append(adapter.validate_json(line))
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
