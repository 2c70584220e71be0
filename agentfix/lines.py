"""A file of lines that one process adds to, and goes on with after it was killed."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Self

from agentfix.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nothing is claimed there
    fcntl = None

_NEW = ".new"


@dataclass
class LineFile:
    """A file of JSON lines, claimed for this process until it is closed; made when it is not there.

    Nothing that it holds is changed by opening it: `take_up` cuts off a last line that was begun only.

    Args:
        path: of the file.

    Raises:
        InputError: it can't be used, or another process writes to it.
    """

    path: Path
    torn: bytes = field(default=b"", init=False, repr=False)
    """What stands after the last whole line: the beginning of one more. Known when all lines were read."""
    _file: FileIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._file = self._claimed(self.path)
        except OSError as error:
            raise InputError(f"{self.path} can't be used for results: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def stored(self) -> Iterator[bytes]:
        """The whole lines that the file holds, each without its end. Raises InputError: it can't be read."""
        try:
            with os.fdopen(os.dup(self._file.fileno()), "rb") as reader:
                reader.seek(0)
                for line in reader:
                    if line.endswith(b"\n"):
                        yield line[:-1]
                    else:
                        self.torn = line
        except OSError as error:
            raise InputError(f"{self.path} can't be read: {error.strerror}.") from error

    def take_up(self) -> None:
        """Cut off a last line that was begun only. Raises InputError: the file can't be written."""
        if not self.torn:
            return
        try:
            self._file.truncate(self._file.seek(0, os.SEEK_END) - len(self.torn))
        except OSError as error:
            raise self._unwritten(error) from error
        self.torn = b""

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one line so that it survives whatever comes next. Raises InputError: the file can't be written."""
        try:
            _write(self._file, line_of(row))
        except OSError as error:
            raise self._unwritten(error) from error

    def replace(self, lines: Iterable[bytes]) -> None:
        """Have the file hold these lines and no other; it holds the old or the new ones, whatever happens meanwhile.

        Args:
            lines: each without its end; `stored` may be where they come from.

        Raises:
            InputError: the file can't be written.
        """
        new = self.path.with_name(self.path.name + _NEW)
        try:
            new.unlink(missing_ok=True)
            file = self._claimed(new)
            try:
                new.chmod(stat.S_IMODE(os.fstat(self._file.fileno()).st_mode))
                for line in lines:
                    _write(file, line + b"\n")
                os.fsync(file.fileno())
                new.replace(self.path)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise self._unwritten(error) from error
        self._file.close()
        self._file, self.torn = file, b""

    def close(self) -> None:
        """Let other processes use the file. May be called twice."""
        self._file.close()

    def _claimed(self, path: Path) -> FileIO:
        while True:
            file = path.open("a+b", buffering=0)
            try:
                if fcntl is None:
                    break
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    break
            except BlockingIOError as error:
                file.close()
                raise InputError(f"Another process writes results to {self.path}.",
                                 "Wait for it, or give another --output file.") from error
            except FileNotFoundError:
                pass
            except BaseException:
                file.close()
                raise
            file.close()  # its last owner replaced it after it was opened here
        file.seek(0)
        return file

    def _unwritten(self, error: OSError) -> InputError:
        return InputError(f"{self.path} can't be written: {error.strerror}.")


def line_of(row: Mapping[str, Any]) -> bytes:
    """A row as a line of a file, with its end."""
    return f"{json.dumps(dict(row))}\n".encode("ascii")


def _write(file: FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data):]
