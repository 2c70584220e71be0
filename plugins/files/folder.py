"""What the tools need of a working folder, and which implementation gives it on this system."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from agentfix import ToolContext, ToolError

from .checked import CheckedFolder
from .contents import Content, Entry
from .paths import Parts, shown

MAX_WALKED = 20_000
"""Entries that are looked at for one listing or search."""
_ANCHORS = {os.open, os.mkdir, os.rename, os.unlink, os.rmdir, os.stat} <= os.supports_dir_fd


class Folder(Protocol):
    """A folder on this machine out of which nothing leads: a link in it is never followed.

    Every method raises OSError, or ToolError for what is neither a regular file nor a folder.
    """

    def read(self, parts: Parts) -> Content:
        """A regular file, whole. Raises ToolError: it is too large."""
        ...

    def write(self, parts: Parts, content: Content) -> list[Parts]:
        """Put a file in place, at once or not at all. Returns the folders that were made for it, outermost first."""
        ...

    def remove(self, parts: Parts) -> None:
        """Delete a regular file."""
        ...

    def remove_folder(self, parts: Parts) -> None:
        """Delete an empty folder."""
        ...

    def entries(self, parts: Parts) -> list[Entry]:
        """What a folder holds, by name."""
        ...


def folder_of(context: ToolContext) -> Folder:
    """The run's working folder.

    Raises:
        ToolError: the run has none.
    """
    if context.folder == Path():
        raise ToolError("This run has no working folder.", status="unavailable")
    if not _ANCHORS:
        return CheckedFolder(context.folder)
    from .anchored import AnchoredFolder  # noqa: PLC0415 - not on Windows

    return AnchoredFolder(context.folder)


def listed(folder: Folder, parts: Parts) -> list[Entry]:
    """What a folder holds; nothing for a working folder in which nothing was written yet."""
    try:
        return folder.entries(parts)
    except FileNotFoundError:
        if parts:
            raise
        return []


@contextmanager
def saying(parts: Parts) -> Generator[None]:
    """Turn what the system says of a path into a message to the model."""
    name = shown(parts) or "the working folder"
    try:
        yield
    except FileNotFoundError:
        way = "" if not parts or "." in parts[-1] else " Folders are made by writing a file into them."
        raise ToolError(f"There is no {name}.{way}", status="absent") from None
    except NotADirectoryError:
        raise ToolError(f"{name}: a part of this path is a file, not a folder.") from None
    except IsADirectoryError:
        raise ToolError(f"{name} is a folder, not a file.") from None
    except OSError as error:
        raise ToolError(f"{name} can't be used: {error.strerror or error}.") from error


def walk(folder: Folder, top: Parts) -> Iterator[tuple[Parts, Entry]]:
    """Everything below a folder, each folder before what it holds.

    Raises:
        ToolError: there is no such folder, or too much in it.
    """
    waiting = [top]
    seen = 0
    while waiting:
        here = waiting.pop()
        with saying(here):
            try:
                entries = listed(folder, here)
            except (FileNotFoundError, PermissionError):
                if here == top:
                    raise
                continue  # gone since its name was read, or closed to this user
        for entry in entries:
            seen += 1
            if seen > MAX_WALKED:
                raise ToolError(f"There are more than {MAX_WALKED} entries: name a folder below.", status="refused")
            yield (*here, entry.name), entry
        waiting += [(*here, entry.name) for entry in reversed(entries) if entry.kind == "folder"]
