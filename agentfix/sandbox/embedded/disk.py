"""What programs in the embedded sandbox may ask of their system: files in memory, and to sleep."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable
from pathlib import PurePosixPath

import pydantic_monty as monty

from agentfix.protocols import Artefact
from agentfix.sandbox.embedded.memoryfiles import FOLDER, ROOMS, Files, room_of
from agentfix.sandbox.media import media_type

_MOST_ENTRIES = 4096
_PATH_BYTES = 4096
_NAME_BYTES = 255
_MOST_ARTEFACTS = 100
_MOST_ARTEFACT_BYTES = 16 * 2**20


class Disk(monty.AbstractOS):
    """What a program may ask of its system: files, and to sleep.

    Args:
        files: what lies there.
        limit_bytes: the size of the working folder, and of /tmp.
        sleep: waits so many seconds, or ends the program.
    """

    def __init__(self, files: Files, limit_bytes: int, sleep: Callable[[float], None]) -> None:
        self._files = files
        self._limit_bytes = limit_bytes
        self._sleep = sleep
        self._changed: set[str] = set()

    def artefacts(self) -> tuple[Artefact, ...]:
        """The files of the working folder that were made or changed, as many as are given back."""
        found: list[Artefact] = []
        left = _MOST_ARTEFACT_BYTES
        for info in self._files.listing():
            path = f"{FOLDER}/{info.path}"
            if path in self._changed and len(found) < _MOST_ARTEFACTS:
                data = bytes(self._files.data[path])
                whole = len(data) <= left
                left -= len(data) if whole else 0
                found.append(Artefact(info.path, media_type(data), len(data), data if whole else None))
        return tuple(found)

    def path_exists(self, path: PurePosixPath) -> bool:
        return _name(path) in self._files.data or _name(path) in self._files.folders

    def path_is_file(self, path: PurePosixPath) -> bool:
        return _name(path) in self._files.data

    def path_is_dir(self, path: PurePosixPath) -> bool:
        return _name(path) in self._files.folders

    def path_is_symlink(self, path: PurePosixPath) -> bool:
        return False

    def path_open(self, path: PurePosixPath, mode: str) -> monty.MontyFileHandle:
        handle = monty.MontyFileHandle(str(path), mode)
        if handle.mode[0] == "r":
            self._read(path)
        elif handle.mode[0] == "w" or not self.path_is_file(path):
            self._write(path, b"")
        return handle

    def path_read_text(self, path: PurePosixPath | monty.MontyFileHandle) -> str:
        return self._read(path).decode()

    def path_read_bytes(self, path: PurePosixPath | monty.MontyFileHandle) -> bytes:
        return bytes(self._read(path))

    def path_write_text(self, path: PurePosixPath | monty.MontyFileHandle, data: str) -> int:
        self._write(path, data.encode())
        return len(data)

    def path_write_bytes(self, path: PurePosixPath | monty.MontyFileHandle, data: bytes) -> int:
        self._write(path, data)
        return len(data)

    def path_append_text(self, path: PurePosixPath | monty.MontyFileHandle, data: str) -> int:
        self._append(path, data.encode())
        return len(data)

    def path_append_bytes(self, path: PurePosixPath | monty.MontyFileHandle, data: bytes) -> int:
        self._append(path, data)
        return len(data)

    def path_mkdir(self, path: PurePosixPath, parents: bool, exist_ok: bool) -> None:
        name = _name(path)
        if self.path_exists(path):
            if exist_ok and self.path_is_dir(path):
                return
            raise _error(errno.EEXIST, name)
        if parents and not self.path_is_dir(PurePosixPath(name).parent):
            self.path_mkdir(PurePosixPath(name).parent, parents=True, exist_ok=True)
        self._require_place(name)
        self._files.folders.add(name)

    def path_unlink(self, path: PurePosixPath) -> None:
        self._read(path)
        self._files.drop(_name(path))

    def path_rmdir(self, path: PurePosixPath) -> None:
        name = _name(path)
        if self.path_iterdir(path):
            raise _error(errno.ENOTEMPTY, name)
        if name in ROOMS:
            raise _error(errno.EBUSY, name)
        self._files.folders.remove(name)

    def path_iterdir(self, path: PurePosixPath) -> list[PurePosixPath]:
        name = _name(path)
        if not self.path_is_dir(path):
            raise _error(errno.ENOTDIR if self.path_is_file(path) else errno.ENOENT, name)
        inside = (each for each in (*self._files.folders, *self._files.data) if each != "/")
        return [PurePosixPath(each) for each in sorted(inside) if posixpath.dirname(each) == name]

    def path_stat(self, path: PurePosixPath) -> monty.StatResult:
        if self.path_is_dir(path):
            return monty.StatResult.dir_stat()
        return monty.StatResult.file_stat(len(self._read(path)))

    def path_rename(self, path: PurePosixPath, target: PurePosixPath) -> None:
        old, new = _name(path), _name(target)
        if old == new and self.path_exists(path):
            return
        if not self.path_exists(path):
            raise _error(errno.ENOENT, old)
        if old in ROOMS or new in ROOMS or new.startswith(f"{old}/"):
            raise _error(errno.EINVAL, new)
        if self.path_is_dir(target):
            if self.path_is_file(path):
                raise _error(errno.EISDIR, new)
            self.path_rmdir(target)
        self._require_place(new, moved=True)
        for name in [each for each in self._files.data if each == old or each.startswith(f"{old}/")]:
            self._files.keep(new + name[len(old):], self._files.drop(name))
            self._changed.add(new + name[len(old):])
        for name in [each for each in self._files.folders if each == old or each.startswith(f"{old}/")]:
            self._files.folders.remove(name)
            self._files.folders.add(new + name[len(old):])

    def path_resolve(self, path: PurePosixPath) -> str:
        return _name(path)

    def path_absolute(self, path: PurePosixPath) -> str:
        return str(path)

    def getenv(self, key: str, default: str | None = None) -> str | None:
        return default

    def get_environ(self) -> dict[str, str]:
        return {}

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)

    def _read(self, path: PurePosixPath | monty.MontyFileHandle) -> bytes | bytearray:
        name = _name(path)
        if name in self._files.folders:
            raise _error(errno.EISDIR, name)
        if name not in self._files.data:
            raise _error(errno.ENOENT, name)
        return self._files.data[name]

    def _write(self, path: PurePosixPath | monty.MontyFileHandle, data: bytes) -> None:
        name = _name(path)
        self._require_place(name, len(data) - len(self._files.data.get(name, b"")))
        self._files.keep(name, data)
        self._changed.add(name)

    def _append(self, path: PurePosixPath | monty.MontyFileHandle, data: bytes) -> None:
        name = _name(path)
        self._require_place(name, len(data))
        held = self._files.drop(name)
        grown = held if isinstance(held, bytearray) else bytearray(held)
        grown += data
        self._files.keep(name, grown)
        self._changed.add(name)

    def _require_place(self, name: str, more_bytes: int = 0, *, moved: bool = False) -> None:
        """Raise unless a file or folder of that name may be made, and so many bytes more be written."""
        if name in self._files.folders:
            raise _error(errno.EISDIR, name)
        if len(name.encode()) > _PATH_BYTES or len(posixpath.basename(name).encode()) > _NAME_BYTES:
            raise _error(errno.ENAMETOOLONG, name)
        parent = posixpath.dirname(name)
        if parent in self._files.data:
            raise _error(errno.ENOTDIR, name)
        if parent not in self._files.folders:
            raise _error(errno.ENOENT, name)
        room = room_of(name)
        if not room:
            raise _error(errno.EROFS, name)
        used = self._files.used_bytes[room]
        many = len(self._files.data) + len(self._files.folders) >= _MOST_ENTRIES and not moved
        if (more_bytes > 0 and used + more_bytes > self._limit_bytes) or (many and name not in self._files.data):
            raise _error(errno.ENOSPC, name)


def _name(path: PurePosixPath | monty.MontyFileHandle) -> str:
    text = path.path if isinstance(path, monty.MontyFileHandle) else str(path)
    return "/" + posixpath.normpath(text).lstrip("/")


def _error(number: int, name: str) -> OSError:
    return OSError(number, os.strerror(number), name)
