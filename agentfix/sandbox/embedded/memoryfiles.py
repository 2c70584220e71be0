"""Files in memory: a working folder and /tmp, without links and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from agentfix.errors import SandboxFileError
from agentfix.protocols import FileInfo

FOLDER = "/box"
"""The working folder."""
ROOMS = (FOLDER, "/tmp")
"""Where a program may write."""


@dataclass
class Files:
    """What lies on a disk. A program of its own gets one made from the inputs; cells share one."""

    data: dict[str, bytes | bytearray] = field(default_factory=dict[str, bytes | bytearray])
    """By absolute path."""
    folders: set[str] = field(default_factory=lambda: {"/", *ROOMS})
    used_bytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROOMS, 0))
    """What the files below each of `ROOMS` have in all."""

    @classmethod
    def of(cls, inputs: Mapping[str, bytes]) -> Files:
        """A disk with nothing but these files in its working folder."""
        files = cls()
        for path, data in inputs.items():
            files.put(path, data)
        return files

    def put(self, path: str, data: bytes) -> None:
        """Write a file of the working folder, in place of whatever bars its path.

        Args:
            path: relative and checked.
            data: the whole file.
        """
        whole = f"{FOLDER}/{path}"
        for folder in PurePosixPath(whole).parents:
            self.drop(str(folder))
            self.folders.add(str(folder))
        self.folders -= {each for each in self.folders if each == whole or each.startswith(f"{whole}/")}
        for below in [each for each in self.data if each.startswith(f"{whole}/")]:
            self.drop(below)
        self.keep(whole, data)

    def keep(self, name: str, data: bytes | bytearray) -> None:
        """Let a file be so; by its absolute path, below one of `ROOMS`."""
        self.drop(name)
        self.data[name] = data
        self.used_bytes[room_of(name)] += len(data)

    def drop(self, name: str) -> bytes | bytearray:
        """Forget a file, if there is one of that absolute path. Returns what it had."""
        data = self.data.pop(name, None)
        if data is None:
            return b""
        self.used_bytes[room_of(name)] -= len(data)
        return data

    def get(self, path: str) -> bytes:
        """A file of the working folder.

        Args:
            path: relative.

        Raises:
            SandboxFileError: there is none.
        """
        if f"{FOLDER}/{path}" not in self.data:
            raise SandboxFileError(f"There is no file {path!r} in the sandbox.")
        return bytes(self.data[f"{FOLDER}/{path}"])

    def listing(self) -> list[FileInfo]:
        """The files of the working folder, by path."""
        return [FileInfo(path.removeprefix(f"{FOLDER}/"), len(data)) for path, data in sorted(self.data.items())
                if path.startswith(f"{FOLDER}/")]


def room_of(name: str) -> str:
    """Which of `ROOMS` an absolute path is below; empty: none."""
    return next((room for room in ROOMS if name.startswith(f"{room}/")), "")
