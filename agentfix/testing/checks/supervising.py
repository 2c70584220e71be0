"""Checks a target in a process of its own, so that a plugin that hangs or ends the process is named, and the rest goes
on."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from agentfix.places import place_of
from agentfix.plugins import find
from agentfix.testing.checks.child import start
from agentfix.testing.checks.running import Line

STARTED = "its checks can be started"
START_S = 300.0
"""How long the process may take before its first check, on a machine that is busy otherwise."""
_FRAME = re.compile(r'File "(.+)", line (\d+) in ')


def check_target(target: str, *, timeout_s: float = 5.0) -> Iterator[Line]:
    """Run every check on the plugins that a target names, and tell what each found, as it is found.

    Args:
        target: the name of an installed plugin, a file, a folder, or a module.
        timeout_s: how long one call of a part may take.

    Raises:
        ConfigError: there is no such plugin.
    """
    find(target)
    done: list[tuple[str, str]] = []
    hung: list[str] = []
    while True:
        with TemporaryFile() as stderr, TemporaryDirectory(prefix="agentfix-check-", ignore_cleanup_errors=True) as own:
            child = _Child({"target": target, "timeout_s": timeout_s, "done": done, "hung": hung, "temporary": own},
                           stderr)
            try:
                for line in child.lines():
                    done.append((line.subject, line.check))
                    yield line
            finally:
                child.kill()
            if child.at is None:
                return
            subject, name = child.at
            if not name:
                yield Line(target, STARTED, "failed", child.fate(stderr))
                return
            yield Line(subject, name, "failed", child.fate(stderr))
            done.append(child.at)
            hung.append(subject)


class _Child:
    """A process that checks.

    Args:
        asked: what is to be checked; see `running.answer`.
        stderr: where to it writes where it hangs.

    Attributes:
        at: the check under way when it ended; None when it ended well.
    """

    def __init__(self, asked: dict[str, Any], stderr: IO[bytes]) -> None:
        self.at: tuple[str, str] | None = None
        self._within_s: float | None = START_S
        self._process = start("agentfix.testing.checks.running", asked, stderr)
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self._timed_out = False

    def lines(self) -> Iterator[Line]:
        """What it finds, up to its end or its time."""
        self.at = ("", "")
        while True:
            try:
                said = self._said.get(timeout=self._within_s)
            except queue.Empty:
                self._timed_out = True
                return
            match said:
                case None:
                    return
                case {"begin": [subject, name], "within_s": within_s}:
                    self.at, self._within_s = (subject, name), within_s
                case {"end": True}:
                    self.at = None
                    return
                case _:
                    yield Line(**said)

    def fate(self, stderr: IO[bytes]) -> str:
        """How it ended before its end."""
        stderr.seek(0)
        text = stderr.read().decode("utf-8", "replace")
        frames = [(file, int(number)) for file, number in _FRAME.findall(text)]
        place = place_of(frames[::-1])
        at = f" at {place}" if place else ""
        if self._timed_out:
            return f"it hangs{at}: it had not ended after {self._within_s:g} s"
        last = "" if place else "".join(text.strip().splitlines()[-1:])[:200]
        return f"it ended the process, with status {self._process.wait()}{at}{': ' if last else ''}{last}"

    def kill(self) -> None:
        """End it, and what it started."""
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            for line in out:
                self._said.put(json.loads(line))
        self._said.put(None)
