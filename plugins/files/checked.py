"""A working folder where the system opens nothing from an open folder, as on Windows: paths are checked, then used.

Covered: links, junctions and Windows' special names, as they are when they are looked at. Not covered: a link that
another program puts in place between the look and the use; a look afterwards only tells.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from agentfix import ToolError

from .contents import MAX_FILE_BYTES, Content, Entry, EntryKind, kind_of
from .paths import Parts, shown

_SPECIAL = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?")
_LEADS_AWAY = 0x400
"""FILE_ATTRIBUTE_REPARSE_POINT."""
_PERMISSIONS = 0o777


class CheckedFolder:
    """See the module; the methods are those of `Folder`.

    Args:
        root: the folder; made when something is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, parts: Parts) -> Content:
        path = self._checked(parts)
        status = _regular(path, parts)
        with path.open("rb") as file:
            now = os.fstat(file.fileno())
            data = file.read(MAX_FILE_BYTES + 1)
        self._checked(parts)
        if not os.path.samestat(status, now):
            raise ToolError(f"{shown(parts)} was replaced while it was opened: try again.")
        if len(data) > MAX_FILE_BYTES:
            raise ToolError(f"{shown(parts)} has {now.st_size} bytes; at most {MAX_FILE_BYTES} are read or changed.",
                            status="refused")
        return Content(data, now.st_mode & _PERMISSIONS)

    def write(self, parts: Parts, content: Content) -> list[Parts]:
        self._root.mkdir(parents=True, exist_ok=True)
        made: list[Parts] = []
        for depth in range(1, len(parts)):
            with suppress(FileExistsError):
                self._checked(parts[:depth]).mkdir()
                made.append(parts[:depth])
        path = self._checked(parts)
        with suppress(FileNotFoundError):
            _regular(path, parts)
        new = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with new.open("xb") as file:
                file.write(content.data)
                file.flush()
                os.fsync(file.fileno())
            new.chmod(content.mode)
            self._checked(parts)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        return made

    def remove(self, parts: Parts) -> None:
        path = self._checked(parts)
        _regular(path, parts)
        path.unlink()

    def remove_folder(self, parts: Parts) -> None:
        self._checked(parts).rmdir()

    def entries(self, parts: Parts) -> list[Entry]:
        with os.scandir(self._checked(parts)) as scanned:
            items = sorted(scanned, key=lambda item: item.name)
        found: list[Entry] = []
        for item in items:
            with suppress(FileNotFoundError):
                status = item.stat(follow_symlinks=False)
                found.append(Entry(item.name, _kind(status), status.st_size))
        return found

    def _checked(self, parts: Parts) -> Path:
        """A path with no link on it, as of now; what is missing is no link."""
        path = self._root
        for depth, name in enumerate(parts, 1):
            check_name(name)
            path = path / name
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if _kind(status) == "link":
                raise ToolError(f"{shown(parts[:depth])} is a link; links are not followed.", status="refused")
            if depth < len(parts) and not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(shown(parts[:depth]))
        return path


def check_name(name: str) -> None:
    """Raises ToolError: Windows takes this name for something else."""
    if _SPECIAL.fullmatch(name) or name != name.rstrip(". ") or re.search(r'[<>:"|?*]', name):
        raise ToolError(f"{name!r} can't be the name of a file.", status="refused")


def _kind(status: os.stat_result) -> EntryKind:
    if getattr(status, "st_file_attributes", 0) & _LEADS_AWAY:
        return "link"
    return kind_of(status.st_mode)


def _regular(path: Path, parts: Parts) -> os.stat_result:
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(shown(parts))
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{shown(parts)} is no ordinary file.", status="refused")
    return status
