"""The files of a sandbox where nothing runs."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix.errors import SandboxFileError
from agentfix.protocols import Artefact, FileInfo


class ScriptedFiles:
    """What was put, and what cells are said to have written."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        """Keep a file. Raises SandboxFileError: the path is none of a file below the folder."""
        parts = path.split("/")
        if "\0" in path or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts):
            raise SandboxFileError(f"{path[:80]!r} is no relative path of a file.")
        if any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in self._files):
            raise SandboxFileError(f"{path!r} can't be a file and a folder.")
        self._files[path] = data

    def cell_wrote(self, artefacts: Sequence[Artefact]) -> None:
        """Take over what came of a cell, as far as it is known."""
        self._files |= {each.path: each.data for each in artefacts if each.data is not None}

    def get(self, path: str) -> bytes:
        """Read a file. Raises SandboxFileError: there is none."""
        if path not in self._files:
            raise SandboxFileError(f"There is no file {path!r} in the sandbox.")
        return self._files[path]

    def listing(self) -> list[FileInfo]:
        """All files, by path."""
        return [FileInfo(path, len(data)) for path, data in sorted(self._files.items())]
