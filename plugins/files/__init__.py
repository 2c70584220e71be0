"""Tools for the run's working folder, which no path leaves: list, read, search, write, edit and delete files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from agentfix import hookimpl

from .growth import Growth

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool

_ACTS = "asks before it acts, and can be undone"


def _reader(name: str, build: Build) -> Tool:
    from . import reading  # noqa: PLC0415 - nothing is imported before the name is used

    return getattr(reading, name)


def _writer(name: str, growth: Growth, build: Build) -> Tool:
    from . import writing  # noqa: PLC0415 - nothing is imported before the name is used

    make: Callable[[Growth], Tool] = getattr(writing, name)
    return make(growth)


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    for name, does in (("list_files", "lists a folder in the working folder"),
                       ("read_file", "reads a text file of the working folder"),
                       ("search_files", "finds a text in the files of the working folder")):
        register(name, partial(_reader, name), does)
    growth = Growth()
    for name, does in (("write_file", "writes a text file in the working folder"),
                       ("edit_file", "replaces an exact text in a file of the working folder"),
                       ("delete_file", "deletes a file of the working folder")):
        register(name, partial(_writer, name, growth), f"{does}; {_ACTS}")
