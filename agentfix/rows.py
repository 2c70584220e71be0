"""Reads files of JSON objects, one a line, and CSV files whose first line names the fields."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from agentfix.errors import InputError


class Named(Protocol):
    """What a row becomes."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)
_TOO_MANY = "\0"
"""The field of the cells for which a CSV file has no name."""

_OTHER_SEPARATORS = ";\t|"
_SHOWN_FIELDS = 8
_DIGEST = 16
"""Characters."""


class _Name(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    id: str = Field("", validation_alias=AliasChoices("id", "pid", "task_id", "name"))


def find(file: str, data_dir: Path | None, pulled_dir: Path | None = None, *, hint: str = "") -> Path:
    """Where a file of rows is.

    Args:
        file: a path, or the bare name of a file in one of the folders, with or without `.jsonl`.
        data_dir: where bare names are looked for first.
        pulled_dir: where they are looked for at last.
        hint: where else to get it, when there is none.

    Raises:
        InputError: there is none.
    """
    bare = len(Path(file).parts) == 1

    def within(folder: Path | None) -> list[Path]:
        return [folder / file, folder / f"{file}.jsonl"] if bare and folder is not None else []

    candidates = [*within(data_dir), Path(file), *within(pulled_dir)]
    for path in candidates:
        if path.is_file():
            return path
    option = "Give a path, or the folder of your data sets with --data-dir." if bare and data_dir is None else ""
    raise InputError(f"There is no file {str(candidates[0])!r}.", f"{option} {hint}".strip())


def name_of(row: Mapping[str, Any], stem: str, index: int) -> str:
    """What a row is called in results.

    Args:
        row: as it was read.
        stem: of the file.
        index: of the row, from 0.

    Raises:
        ValueError: its id is none. pydantic's ValidationError is one.
    """
    given = {field: value for field, value in row.items() if value is not None}
    return _Name.model_validate(given).id or f"{stem}-{index}"


def digest_of(row: Mapping[str, Any]) -> str:
    """What tells a row from any other, whatever it is called.

    Args:
        row: as it was read.
    """
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode("ascii")).hexdigest()[:_DIGEST]


def read_rows(path: Path, read: Callable[[str, int, Mapping[str, Any]], N], *, offset: int = 0,
              limit: int | None = None, hint: str = "") -> list[N]:
    """Read a file.

    Args:
        path: of the file.
        read: makes something of an id, the number of the row, from 0, and the row; may raise ValueError.
        offset: rows to leave out at the start.
        limit: rows to read; all when not given.
        hint: what to do about a row that can't be used.

    Raises:
        InputError: the file or a row can't be used; names the line.
    """
    made: list[N] = []
    seen: dict[str, int] = {}
    held = 0
    for index, (number, parse) in enumerate(_unread(path)):
        held = index + 1
        if index < offset:
            continue
        if limit is not None and len(made) >= limit:
            break
        one = _one(parse, index, path, number, read, hint)
        if one.id in seen:
            raise InputError(f"{path}, line {number}: the id {one.id!r} is that of line {seen[one.id]} too.")
        seen[one.id] = number
        made.append(one)
    if not made:
        there = f"{held:,} item{'' if held == 1 else 's'}, and {offset:,} are to be left out"
        raise InputError(f"{path} has {there if held else 'no items'}.")
    return made


def _unread(path: Path) -> Iterator[tuple[int, Callable[[], Any]]]:
    """For each row its line and what reads it, so that a fault is found in its turn."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    if path.suffix.lower() == ".csv":
        yield from _unread_cells(path, content)
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, partial(_parsed, line)


def _parsed(line: bytes) -> Any:
    return json.loads(line.decode("utf-8-sig"), parse_constant=_no_number)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _unread_cells(path: Path, content: bytes) -> Iterator[tuple[int, Callable[[], Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restkey=_TOO_MANY)
        names = reader.fieldnames or ()
        if len(names) == 1 and any(other in names[0] for other in _OTHER_SEPARATORS):
            raise InputError(f"{path}, line 1: the header {names[0]!r} is one column.", "Separate columns with commas.")
        for row in reader:
            yield reader.line_num, partial(_filled, row)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{path} is no CSV file: {error}.") from error


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that hold something."""
    if _TOO_MANY in row:
        raise ValueError("it has more cells than the first line")
    return {name: cell for name, cell in row.items() if cell}


def _one(parse: Callable[[], Any], index: int, path: Path, number: int,
         read: Callable[[str, int, Mapping[str, Any]], N], hint: str) -> N:
    row: dict[str, Any] = {}
    try:
        data = parse()
        if not isinstance(data, dict):
            raise ValueError("a row must be a JSON object")
        row.update(cast("dict[str, Any]", data))
        return read(name_of(row, path.stem, index), index, row)
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at column {error.colno}"
    except ValidationError as error:
        problem = _first_fault(error, row)
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise InputError(f"{path}, line {number}: {problem}.", hint)


def _first_fault(error: ValidationError, row: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "?"
    if first["type"] != "missing" or len(first["loc"]) > 1 or place in row or not row:
        return f"field {place!r}: {first['msg']}"
    more = ", ..." if len(row) > _SHOWN_FIELDS else ""
    return f"field {place!r} is missing; the row has {', '.join(map(repr, list(row)[:_SHOWN_FIELDS]))}{more}"
