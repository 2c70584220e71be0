"""Conversations on disk: a file for each, to which a line is added for whatever happens, before anything is made of it.

A process that is killed, at whatever point, leaves a file that can be gone on with.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from agentfix.errors import InputError
from agentfix.repl.state import Line, State, after

LATEST = "last"
_NOTHING = ("begun", "given", "left")
_NAME = re.compile(r"[\w.-]{1,80}")


def new_name() -> str:
    """A name for a conversation: when it began, and something to tell it from others of that second."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


@dataclass
class Session:
    """A conversation that is going on, and its file.

    Args:
        name: of the file.
        path: the file; None to keep nothing.
        state: what the file says.
    """

    name: str
    path: Path | None
    state: State = State()
    _lock: FileLock | None = field(default=None, init=False)
    _held: list[Line] = field(default_factory=list[Line], init=False)
    """Not written yet."""

    def note(self, what: str, **told: Any) -> None:
        """Add a line. The file is made when something has happened.

        Raises:
            InputError: the file can't be written.
        """
        line = {"is": what, **told}
        self.state = after(self.state, line)
        if self.path is None:
            return
        self._held.append(line)
        if self._lock is None:
            if what in _NOTHING:
                return
            self.claim()
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{json.dumps(each)}\n" for each in self._held))
        except OSError as error:
            raise InputError(f"The conversation can't be kept in {self.path}: {error.strerror}.",
                             "Make room there, or set data_dir to another folder.") from error
        self._held.clear()

    def mend(self) -> None:
        """End a line that was cut off, so that the next one begins where lines begin."""
        if self.path is not None and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def claim(self) -> None:
        """Keep other processes from going on with it, until this one ends or closes it.

        Raises:
            InputError: another process has it, or the folder can't be written.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"), timeout=0)
            lock.acquire()
        except Timeout:
            raise InputError(f"The conversation {self.name!r} is open in another process.",
                             "Leave it there, or begin another.") from None
        except OSError as error:
            raise InputError(f"The folder {self.path.parent} can't be used: {error.strerror}.",
                             "Set data_dir to another folder.") from error
        self._lock = lock

    def close(self) -> None:
        """Let others have it. May be called twice."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def rename(self, name: str) -> None:
        """Keep it under another name.

        Raises:
            InputError: it can't be a file's, or is taken.
        """
        if self.path is None:
            raise InputError("This conversation is not kept.", "The setting journal = \"memory\" says so.")
        self.note("named", name=_checked(name))
        other = Session(_checked(name), self.path.with_name(f"{name}.jsonl"))
        if name == self.name:
            return
        if other.path is not None and other.path.exists():
            raise InputError(f"There is a conversation {name!r} already.", "Choose another name.")
        other.claim()
        self.path.rename(cast("Path", other.path))
        self.close()
        self.name, self.path, self._lock = name, other.path, other._lock


@dataclass(frozen=True)
class Sessions:
    """The conversations in a folder.

    Args:
        folder: where; None where nothing is kept.
    """

    folder: Path | None

    def new(self, where: Path) -> Session:
        """Begin one. `where` is the working folder."""
        session = self._at(new_name())
        session.note("begun", folder=str(where), at=time.time())
        return session

    def open(self, name: str) -> Session:
        """Go on with one.

        Args:
            name: its name, or the beginning of it; `last` is the latest.

        Raises:
            InputError: there is none, or more than one, or another process has it.
        """
        known = self.names()
        fits = known[:1] if name == LATEST else [each for each in known if each == name] or [
            each for each in known if each.startswith(name)]
        if not fits:
            raise InputError("There is no conversation yet." if name == LATEST else
                             f"There is no conversation {name!r}.", f"There are: {', '.join(known[:5]) or 'none'}.")
        if len(fits) > 1:
            raise InputError(f"{len(fits)} conversations begin with {name!r}: {', '.join(fits[:5])}.",
                             "Write more of the name.")
        session = self._at(fits[0])
        session.claim()
        session.state = self.read(fits[0])
        session.mend()
        return session

    def names(self) -> list[str]:
        """What there is, the latest first."""
        if self.folder is None or not self.folder.is_dir():
            return []
        files = sorted(self.folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
        return [file.stem for file in files]

    def cut_off(self, where: Path) -> str | None:
        """The latest conversation of a working folder, if it was cut off and no process has it."""
        for name in self.names():
            state = self.read(name)
            if state.folder != str(where):
                continue
            if state.left or not state.turns:
                return None
            session = self._at(name)
            try:
                session.claim()
            except InputError:
                return None
            session.close()
            return name
        return None

    def read(self, name: str) -> State:
        """What a conversation had come to.

        Raises:
            InputError: its file can't be read.
        """
        path = cast("Path", self._at(name).path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The conversation {name!r} can't be read: {error}.") from error
        state = State()
        for line in _lines(text):
            state = after(state, line)
        return state

    def _at(self, name: str) -> Session:
        return Session(name, None if self.folder is None else self.folder / f"{_checked(name)}.jsonl")


def _lines(text: str) -> Iterator[dict[str, Any]]:
    """The lines of a file that can be understood: the last one may have been cut off."""
    for line in text.splitlines():
        try:
            told: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield cast("dict[str, Any]", told)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise InputError(f"{name!r} can't be the name of a conversation.", "Use letters, digits, - and _.")
    return name
