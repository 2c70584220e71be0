"""A working folder on POSIX: every step is taken from an open folder, and no step follows a link.

So nothing that another program does to the folder meanwhile, such as putting a link in the place of a subfolder, leads
out of it. Covered: `..` never gets here; links, at every step; FIFOs and devices, which are not opened; half-written
files. Not covered: hard links and mounts, which only somebody else can have put there.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentfix import ToolError

from .contents import MAX_FILE_BYTES, Content, Entry, kind_of
from .paths import Parts, shown

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PERMISSIONS = 0o777


class AnchoredFolder:
    """See the module; the methods are those of `Folder`.

    Args:
        root: the folder; made when something is written. Links on the way to it are followed: the user named it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, parts: Parts) -> Content:
        with self._within(parts[:-1]) as above:
            status = _regular(above, parts)
            descriptor = os.open(parts[-1], _READ, dir_fd=above)
        with os.fdopen(descriptor, "rb") as file:
            now = os.fstat(descriptor)
            if not os.path.samestat(status, now):
                raise ToolError(f"{shown(parts)} was replaced while it was opened: try again.")
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ToolError(f"{shown(parts)} has {now.st_size} bytes; at most {MAX_FILE_BYTES} are read or changed.",
                            status="refused")
        return Content(data, now.st_mode & _PERMISSIONS)

    def write(self, parts: Parts, content: Content) -> list[Parts]:
        self._root.mkdir(parents=True, exist_ok=True)
        made: list[Parts] = []
        with self._within(parts[:-1], made) as above:
            with suppress(FileNotFoundError):
                _regular(above, parts)
            new = f".{secrets.token_hex(8)}.part"
            descriptor = os.open(new, _NEW, 0o600, dir_fd=above)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content.data)
                    os.fchmod(descriptor, content.mode)
                    file.flush()
                    os.fsync(descriptor)
                os.rename(new, parts[-1], src_dir_fd=above, dst_dir_fd=above)
            except BaseException:
                os.unlink(new, dir_fd=above)
                raise
        return made

    def remove(self, parts: Parts) -> None:
        with self._within(parts[:-1]) as above:
            _regular(above, parts)
            os.unlink(parts[-1], dir_fd=above)

    def remove_folder(self, parts: Parts) -> None:
        with self._within(parts[:-1]) as above:
            os.rmdir(parts[-1], dir_fd=above)

    def entries(self, parts: Parts) -> list[Entry]:
        found: list[Entry] = []
        with self._within(parts) as here, os.scandir(here) as items:
            for item in items:
                with suppress(FileNotFoundError):
                    status = item.stat(follow_symlinks=False)
                    found.append(Entry(item.name, kind_of(status.st_mode), status.st_size))
        return sorted(found, key=lambda entry: entry.name)

    @contextmanager
    def _within(self, parts: Parts, made: list[Parts] | None = None) -> Generator[int]:
        """A descriptor of a folder. Folders that are missing are made, and noted, when there is a list for them."""
        here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for depth, name in enumerate(parts, 1):
                if made is not None:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=here)
                        made.append(parts[:depth])
                below = _entered(here, parts[:depth])
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)


def _entered(above: int, parts: Parts) -> int:
    try:
        return os.open(parts[-1], _FOLDER, dir_fd=above)
    except NotADirectoryError:
        _reject_link(os.stat(parts[-1], dir_fd=above, follow_symlinks=False), parts)
        raise


def _regular(above: int, parts: Parts) -> os.stat_result:
    """The status of what must be a file."""
    status = os.stat(parts[-1], dir_fd=above, follow_symlinks=False)
    _reject_link(status, parts)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(shown(parts))
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{shown(parts)} is no ordinary file.", status="refused")
    return status


def _reject_link(status: os.stat_result, parts: Parts) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ToolError(f"{shown(parts)} is a link; links are not followed.", status="refused")
