"""Reads files of JSON objects, one a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from agentfix.errors import InputError


class Named(Protocol):
    """What a row becomes."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


class _Name(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    id: str = Field("", validation_alias=AliasChoices("id", "pid", "task_id", "name"))


def find(file: str, data_dir: Path | None) -> Path:
    """Where a file of rows is.

    Args:
        file: a path, or the bare name of a file in `data_dir`, with or without `.jsonl`.
        data_dir: where bare names are looked for.

    Raises:
        InputError: there is none.
    """
    candidates = [Path(file)]
    if data_dir is not None and len(Path(file).parts) == 1:
        candidates = [data_dir / file, data_dir / f"{file}.jsonl", *candidates]
    for path in candidates:
        if path.is_file():
            return path
    bare = len(Path(file).parts) == 1 and data_dir is None
    raise InputError(f"There is no file {str(candidates[0])!r}.",
                     "Give a path, or the folder of your data sets with --data-dir." if bare else "")


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
    index = -1
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        index += 1
        if index < offset:
            continue
        if limit is not None and len(made) >= limit:
            break
        one = _one(line, index, path, number, read, hint)
        if one.id in seen:
            raise InputError(f"{path}, line {number}: the id {one.id!r} is that of line {seen[one.id]} too.")
        seen[one.id] = number
        made.append(one)
    if not made:
        raise InputError(f"{path} has no items from {offset} on.")
    return made


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error


def _one(line: bytes, index: int, path: Path, number: int, read: Callable[[str, int, Mapping[str, Any]], N],
         hint: str) -> N:
    try:
        data: Any = json.loads(line.decode("utf-8"))
        if not isinstance(data, dict):
            raise ValueError("a row must be a JSON object")
        row = cast("dict[str, Any]", data)
        return read(_Name.model_validate(row).id or f"{path.stem}-{index}", index, row)
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at column {error.colno}"
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"field {'.'.join(str(part) for part in first['loc']) or '?'!r}: {first['msg']}"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise InputError(f"{path}, line {number}: {problem}.", hint)
