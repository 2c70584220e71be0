"""Programs at a pseudo-terminal, where somebody reads and types."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class Terminal:
    """A Python program at a terminal of its own."""

    def __init__(self, source: str, *arguments: str) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen([sys.executable, "-c", source, *arguments], cwd=ROOT, stdin=theirs,
                                         stdout=theirs, stderr=theirs,
                                         env={**os.environ, "COLUMNS": "200", "TERM": "xterm-256color"})
        os.close(theirs)

    def read(self, wanted: str = "") -> str:
        """What is shown, until it holds something or ends."""
        shown = ""
        while not wanted or wanted not in shown:
            try:
                piece = os.read(self._ours, 4096)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not piece:
                break
            shown += piece.decode("utf-8", "replace")
        return shown

    def answer(self, keys: str | None) -> str:
        """Type something, or Ctrl-C for None; returns all that is shown then."""
        if keys is not None:
            os.write(self._ours, keys.encode())
        else:
            self._process.send_signal(signal.SIGINT)
            while not select.select([self._ours], [], [], 2)[0]:  # one that came just before it listened is not heard
                self._process.send_signal(signal.SIGINT)
        shown = self.read()
        self._process.wait()
        os.close(self._ours)
        return shown
