"""From what a model calls a file to the names of the folders that lead to it. Touches no disk."""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from agentfix import ToolError

MAX_CHARACTERS = 1_000
MAX_DEPTH = 32
PROTECTED = frozenset({".git", "agentfix.toml"})
"""What is never written: who writes these decides what programs run on this machine later."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")

Parts = tuple[str, ...]
"""Names from the working folder down; none for the folder itself."""


def parts_of(path: str) -> Parts:
    """The names that a path is made of.

    Args:
        path: relative to the working folder, with slashes.

    Raises:
        ToolError: it is none, or leads out of the folder (status `refused`).
    """
    if len(path) > MAX_CHARACTERS:
        raise ToolError(f"The path has {len(path)} characters; at most {MAX_CHARACTERS} are taken.")
    if _CONTROL.search(path) or not _encodable(path):
        raise ToolError("A path can't hold control characters or halves of characters.")
    if "\\" in path:
        raise ToolError(f"Write the path {path!r} with slashes.")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        _refuse(path)
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        _refuse(path)
    if len(parts) > MAX_DEPTH:
        raise ToolError(f"The path {path[:80]!r}... is more than {MAX_DEPTH} folders deep.")
    return parts


def file_parts(path: str) -> Parts:
    """The same for what must be a file. Raises ToolError."""
    parts = parts_of(path)
    if not parts or path.endswith("/"):
        raise ToolError(f"{path!r} is the name of a folder: name a file.")
    return parts


def written_parts(path: str) -> Parts:
    """The same for a file that is to be changed. Raises ToolError."""
    parts = file_parts(path)
    for part in parts:
        if meant(part) in PROTECTED:
            raise ToolError(f"{path!r} is not changed: {part} is protected.", status="refused")
    return parts


def meant(part: str) -> str:
    """The name as the most lenient system has it: some ignore case, what is never seen, and what stands at the end."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", part) if unicodedata.category(c) != "Cf")
    return seen.partition(":")[0].rstrip(". ").casefold()


def shown(parts: Parts) -> str:
    """A path as it is told, with what can't be written in UTF-8 spelt out."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "/".join(parts)).encode("utf-8", "backslashreplace").decode()


def _encodable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(path: str) -> NoReturn:
    raise ToolError(f"{path!r} is outside the working folder: name files relative to it, such as notes/today.md.",
                    status="refused")
