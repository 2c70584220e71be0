"""Reads data sets: files of JSON objects, one a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from agentfix.errors import InputError, UnknownNameError
from agentfix.evals.formats import FORMATS, Format, Item


def load(file: str, *, data_dir: Path | None = None, format_name: str | None = None, offset: int = 0,
         limit: int | None = None) -> list[Item]:
    """Read items of a data set.

    Args:
        file: a path, or the bare name of a file in `data_dir`, with or without `.jsonl`.
        data_dir: where bare names are looked for.
        format_name: which data set's rows it holds; by default the file's stem says, and `plain` is the fallback.
        offset: items to leave out at the start.
        limit: items to read; all when not given.

    Raises:
        InputError: the file or a row can't be used; names the line.
        UnknownNameError: there is no such format.
    """
    path = _find(file, data_dir)
    if format_name is not None and format_name not in FORMATS:
        raise UnknownNameError("format", format_name, FORMATS)
    wanted = FORMATS[format_name or (path.stem if path.stem in FORMATS else "plain")]
    items: list[Item] = []
    seen: dict[str, int] = {}
    index = -1
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        index += 1
        if index < offset:
            continue
        if limit is not None and len(items) >= limit:
            break
        item = _item(wanted, line, index, path, number)
        if item.id in seen:
            raise InputError(f"{path}, line {number}: the id {item.id!r} is that of line {seen[item.id]} too.")
        seen[item.id] = number
        items.append(item)
    if not items:
        raise InputError(f"{path} has no items from {offset} on.")
    return items


def _find(file: str, data_dir: Path | None) -> Path:
    candidates = [Path(file)]
    if data_dir is not None and len(Path(file).parts) == 1:
        candidates = [data_dir / file, data_dir / f"{file}.jsonl", *candidates]
    for path in candidates:
        if path.is_file():
            return path
    bare = len(Path(file).parts) == 1 and data_dir is None
    raise InputError(f"There is no file {str(candidates[0])!r}.",
                     "Give a path, or the folder of your data sets with --data-dir." if bare else "")


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error


def _item(wanted: Format, line: bytes, index: int, path: Path, number: int) -> Item:
    try:
        data: Any = json.loads(line.decode("utf-8"))
        if not isinstance(data, dict):
            raise ValueError("a row must be a JSON object")
        return wanted.item(cast(object, data), index=index, fallback_id=f"{path.stem}-{index}")
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
    raise InputError(f"{path}, line {number}: {problem}.", "Choose how rows are read with --format.")
