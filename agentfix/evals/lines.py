"""Files of records that an evaluation is resumed from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import InputError
from agentfix.lines import LineFile, line_of


class Kept(Protocol):
    """A record of something that was done with a row of the data."""

    @property
    def item(self) -> str: ...
    @property
    def digest(self) -> str: ...


class Row(Protocol):
    """A row of the data."""

    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str: ...


R = TypeVar("R", bound=Kept)


@dataclass
class RecordLines(Generic[R]):
    """Records appended as lines of JSON under a first line that says what they were made with.

    Another process can't use the file until it is closed: both would do the same work, and count it twice.

    Args:
        path: made when it is not there.
        header: model, data set, seed and so on; a file with another header is refused, and left as it is.
        kind: the dataclass of a record.
    """

    path: Path
    header: Mapping[str, Any]
    kind: type[R]
    records: list[R] = field(default_factory=list[R], init=False)
    """Those that the file held already."""
    _file: LineFile = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._file = LineFile(self.path)
        try:
            self._take_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def of(self, rows: Iterable[Row]) -> list[R]:
        """The records of some rows of the data.

        Args:
            rows: with what each holds, where that is known.

        Raises:
            InputError: a row of the same name held something else.
        """
        digests = {row.id: row.digest for row in rows}
        for record in self.records:
            if other_row(record.digest, digests.get(record.item, "")):
                raise InputError(f"{self.path} holds results of {record.item!r}, which was another row then.",
                                 "Give another --output file.")
        return [record for record in self.records if record.item in digests]

    def append(self, record: R) -> None:
        """Write one record so that it survives whatever comes next. Raises InputError: the file can't be written."""
        self._file.append(asdict(record))  # pyright: ignore[reportArgumentType] - no type says "a dataclass"

    def close(self) -> None:
        """Let other processes use the file. May be called twice."""
        self._file.close()

    def _take_up(self) -> None:
        """Read what the file holds. Nothing is changed before it is known to be a file of such records."""
        lines = list(self._file.stored())
        if lines:
            found, self.records = _parsed(self.path, lines, self.kind, "Give another --output file.")
            self._compare(found)
        elif not line_of(self.header).startswith(self._file.torn):
            raise _no_records(self.path, 1, "Give another --output file.")
        self._file.take_up()
        if not lines:
            self._file.append(self.header)

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
    return _parsed(path, whole.split(b"\n"), kind, "Name a file that --output made.")


def other_row(one: str, other: str) -> bool:
    """Whether two rows are known to differ, by what they held: see `agentfix.rows.digest_of`."""
    return bool(one and other) and one != other


def _parsed(path: Path, lines: Sequence[bytes], kind: type[R], hint: str) -> tuple[Mapping[str, Any], list[R]]:
    number, adapter = 1, TypeAdapter(kind)
    try:
        header: Any = json.loads(lines[0])
        if not isinstance(header, dict):
            raise ValueError("the header is no object")
        records: list[R] = []
        for line in lines[1:]:
            number += 1
            records.append(adapter.validate_json(line))
    except (ValueError, ValidationError, RecursionError) as error:
        raise _no_records(path, number, hint) from error
    return cast("dict[str, Any]", header), records


def _no_records(path: Path, line: int, hint: str) -> InputError:
    return InputError(f"{path}, line {line}: not a record of an evaluation.", hint)
