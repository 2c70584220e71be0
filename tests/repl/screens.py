"""A terminal at which somebody talks with `agentfix`: what they see, and what they type."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pexpect
import pyte

ROOT = Path(__file__).parent.parent.parent
WAIT_S = 60
"""Longer than anything takes."""
READY = "> "


class Screen:
    """`agentfix` at a pseudo-terminal of its own, drawn as a terminal would draw it.

    Args:
        arguments: of the command.
        folder: where it is started.
        columns: how wide the terminal is.
        environment: what is different in it.
    """

    def __init__(self, *arguments: str, folder: Path, columns: int = 80, **environment: str) -> None:
        paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths)),
               **environment}
        self.child = pexpect.spawn(sys.executable, ["-m", "agentfix", *arguments], cwd=folder, env=env,
                                   dimensions=(24, columns), timeout=WAIT_S, encoding="utf-8")
        self._screen = pyte.HistoryScreen(columns, 24, history=10_000, ratio=0.5)
        self._screen.write_process_input = lambda data: self.child.send(data)  # where is the cursor? it answers
        self._stream = pyte.Stream(self._screen)
        self.raw = ""
        """All that came, escapes and all."""
        self._from = 0

    def until(self, *wanted: str) -> str:
        """Read until all of this was written, in this order, since the last time; returns what was written."""
        ends = time.monotonic() + WAIT_S
        pattern = re.compile(".*?".join(_pieces(text) for text in wanted), re.DOTALL)
        while not (found := pattern.search(_plain(self.raw), self._from)):
            self._read(wanted, ends)
        self._from = found.end()
        return found[0]

    def seen(self, wanted: str) -> str:
        """Read until this stands on the screen; returns the screen."""
        ends = time.monotonic() + WAIT_S
        while wanted not in self.text():
            self._read((wanted,), ends)
        return self.text()

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def type(self, text: str) -> None:
        """Type something, and Enter."""
        self.child.send(text + "\r")

    def keys(self, keys: str) -> None:
        """Type keys."""
        self.child.send(keys)

    def stop(self) -> None:
        """Ctrl-C."""
        self.child.sendintr()

    def kill(self) -> None:
        """Kill -9."""
        self.child.kill(signal.SIGKILL)
        self.child.wait()

    def ready(self) -> None:
        """Read until something can be typed at an empty prompt."""
        ends = time.monotonic() + WAIT_S
        while self._screen.display[self._screen.cursor.y].rstrip() != ">" or self._screen.cursor.x != len(READY):
            self._read((READY,), ends)

    def leave(self) -> int:
        """Ctrl-D; returns the exit status."""
        self.ready()
        self.child.sendeof()
        self._read_to_end()
        self.child.close()
        return self.child.exitstatus

    def _read(self, wanted: tuple[str, ...], ends: float) -> None:
        """Read a piece; what is being drawn may go on for ever, so the end of the waiting is `ends`."""
        try:
            self._take(self.child.read_nonblocking(65_536, timeout=max(0, ends - time.monotonic())))
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise AssertionError(f"{type(error).__name__} while waiting for {wanted}\n{self.text()}\n"
                                 f"---\n{_plain(self.raw)[self._from:]}") from None

    def _read_to_end(self) -> None:
        while True:
            try:
                self._take(self.child.read_nonblocking(65_536, timeout=WAIT_S))
            except pexpect.EOF:
                return
            except pexpect.TIMEOUT:
                raise AssertionError(f"it does not end\n{self.text()}") from None

    def _take(self, data: str) -> None:
        self.raw += data
        self._stream.feed(data)


def _pieces(text: str) -> str:
    """The text, however it was broken into lines."""
    return r"\s+".join(re.escape(word) for word in text.split())


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r", "", text)
