"""Reads files of JSON objects, one a line, as rows of a data set that a plugin knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from agentfix.errors import AgentFixError, InputError, PluginError, UnknownNameError
from agentfix.evals.contamination import strings_in
from agentfix.evals.item import Item
from agentfix.plugins import Plugins
from agentfix.plugins.contract import described
from agentfix.protocols import DataSet, Grader
from agentfix.types import Task

FALLBACK = "plain"
"""The data set as which a file is read whose name says nothing."""


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    id: str = Field("", validation_alias=AliasChoices("id", "pid", "task_id", "name"))


@dataclass(frozen=True, slots=True)
class _Reader:
    """A data set and the plugin that it comes from."""

    plugin: str
    data_set: DataSet

    def read(self, row: dict[str, Any]) -> tuple[Task, Grader]:
        try:
            made: Any = self.data_set.read(row)
        except (AgentFixError, ValueError, RecursionError):
            raise
        except Exception as error:
            raise PluginError(self.plugin, f"reading a row failed: {described(error)}.") from error
        match made:
            case (Task() as task, Grader() as grader):
                return task, grader
            case _:
                raise PluginError(self.plugin, f"reading a row gave {type(made).__name__}, not a task and a grader.")


def load(file: str, plugins: Plugins, *, data_dir: Path | None = None, format_name: str | None = None, offset: int = 0,
         limit: int | None = None) -> list[Item]:
    """Read items of a data set.

    Args:
        file: a path, or the bare name of a file in `data_dir`, with or without `.jsonl`.
        plugins: know the data sets.
        data_dir: where bare names are looked for.
        format_name: which data set's rows it holds; by default the file's stem says, and `plain` is the fallback.
        offset: items to leave out at the start.
        limit: items to read; all when not given.

    Raises:
        InputError: the file or a row can't be used; names the line.
        UnknownNameError: there is no such format.
        PluginError: the data set's plugin is broken.
    """
    path = _find(file, data_dir)
    reader = _reader(plugins, format_name, path.stem)
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
        item = _item(reader, line, index, path, number)
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


def _reader(plugins: Plugins, format_name: str | None, stem: str) -> _Reader:
    known = {entry.name: entry.plugin for entry in plugins.names("dataset")}
    name = format_name or (stem if stem in known else FALLBACK)
    if name not in known:
        raise UnknownNameError("format", name, known)
    made: object = plugins.build("dataset", name)
    if not isinstance(made, DataSet):
        raise PluginError(known[name], f"data set {name!r} has no method `read`.")
    return _Reader(known[name], made)


def _item(reader: _Reader, line: bytes, index: int, path: Path, number: int) -> Item:
    try:
        data: Any = json.loads(line.decode("utf-8"))
        if not isinstance(data, dict):
            raise ValueError("a row must be a JSON object")
        row = cast("dict[str, Any]", data)
        task, grader = reader.read(row)
        return Item(_Named.model_validate(row).id or f"{path.stem}-{index}", index, task, grader, reader.plugin,
                    tuple(strings_in(row)))
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
