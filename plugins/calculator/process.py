"""Holds the worker process: starts it when first asked, and kills it when it takes too long."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix import ToolError

_START_TIMEOUT_S = 60.0


@dataclass(eq=False)
class WorkerProcess:
    """One calculating process. Safe to ask from several threads; they take turns."""

    _process: subprocess.Popen[str] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def ask(self, request: Mapping[str, str], timeout_s: float) -> dict[str, Any]:
        """Have something calculated; blocks.

        Raises:
            ToolError: it took longer than `timeout_s`, or more memory than the worker may have.
        """
        with self._lock:
            process = self._process or self._start()
            self._process = process
            reply = _exchange(process, json.dumps(request) + "\n", timeout_s)
            if reply is None:
                self._process = None
                raise ToolError(f"Refused: not done within {timeout_s:g} s, or too large.", status="refused")
            return reply

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                _end(process)

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-P", "-m", f"{__package__}.worker"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
        weakref.finalize(self, _end, process)
        if _exchange(process, "", _START_TIMEOUT_S) is None:
            raise ToolError("The calculator could not be started. Install it with: pip install 'agentfix[math]'")
        return process


def _exchange(process: subprocess.Popen[str], line: str, timeout_s: float) -> dict[str, Any] | None:
    """Write a line and read one; None when the process ended instead, which it is made to after `timeout_s`."""
    assert process.stdin is not None and process.stdout is not None
    timer = threading.Timer(timeout_s, process.kill)
    timer.daemon = True
    timer.start()
    try:
        process.stdin.write(line)
        process.stdin.flush()
        reply = process.stdout.readline()
    except OSError:
        reply = ""
    finally:
        timer.cancel()
    if reply:
        return json.loads(reply)
    _end(process)
    return None


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except OSError:
                continue
