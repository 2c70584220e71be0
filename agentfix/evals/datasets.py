"""Reads files of JSON objects, one a line, as rows of a data set that a plugin knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentfix.errors import AgentFixError, PluginError, UnknownNameError
from agentfix.evals.contamination import strings_in
from agentfix.evals.item import Item
from agentfix.plugins import Plugins
from agentfix.plugins.contract import described
from agentfix.protocols import DataSet, Grader, PublishedDataSet
from agentfix.rows import digest_of, find, read_rows
from agentfix.types import Task

FALLBACK = "plain"
"""The data set as which a file is read whose name says nothing."""
LISTED_BY = "agentfix datasets list"
"""Names them all."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """A data set and the plugin that it comes from."""

    plugin: str
    data_set: DataSet

    def read(self, row: Mapping[str, Any]) -> tuple[Task, Grader]:
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


def load(file: str, plugins: Plugins, *, data_dir: Path | None = None, pulled_dir: Path | None = None,
         format_name: str | None = None, offset: int = 0, limit: int | None = None) -> list[Item]:
    """Read items of a data set.

    Args:
        file: a path, or the bare name of a file in a folder of data sets, with or without `.jsonl`.
        plugins: know the data sets.
        data_dir: where bare names are looked for first.
        pulled_dir: where they are looked for at last.
        format_name: which data set's rows it holds; by default the file's stem says, and `plain` is the fallback.
        offset: items to leave out at the start.
        limit: items to read; all when not given.

    Raises:
        InputError: the file or a row can't be used; names the line.
        UnknownNameError: there is no such format.
        PluginError: the data set's plugin is broken.
    """
    path = find(file, data_dir, pulled_dir, hint=_how_to_get(file, plugins))
    reader = _reader(plugins, format_name, path.stem)

    def item(name: str, index: int, row: Mapping[str, Any]) -> Item:
        task, grader = reader.read(row)
        return Item(name, index, task, grader, reader.plugin, tuple(strings_in(row)), digest_of(row))

    return read_rows(path, item, offset=offset, limit=limit, hint="Choose how rows are read with --format.")


def _how_to_get(file: str, plugins: Plugins) -> str:
    """What to do about a file that is not there, where it may have been meant as that of a known data set."""
    name, known = Path(file).stem, [entry.name for entry in plugins.names("dataset")]
    if name in known:
        published = isinstance(plugins.build("dataset", name), PublishedDataSet)
        return f"Or fetch it: agentfix datasets pull {name}" if published else ""
    if len(Path(file).parts) > 1 or name != file:
        return ""
    near = difflib.get_close_matches(name, known, n=1)
    return f"{f'Did you mean the data set {near[0]!r}? ' if near else ''}See the known data sets with: {LISTED_BY}"


def _reader(plugins: Plugins, format_name: str | None, stem: str) -> _Reader:
    known = {entry.name: entry.plugin for entry in plugins.names("dataset")}
    name = format_name or (stem if stem in known else FALLBACK)
    if name not in known:
        raise UnknownNameError("format", name, known, listed_by=LISTED_BY)
    made: object = plugins.build("dataset", name)
    if not isinstance(made, DataSet):
        raise PluginError(known[name], f"data set {name!r} has no method `read`.")
    return _Reader(known[name], made)
