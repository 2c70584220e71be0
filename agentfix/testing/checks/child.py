"""Processes that a check starts: they are asked in JSON, and answer in JSON whatever a plugin prints there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any

_START = ("import json, sys; asked = json.loads(sys.stdin.readline()); sys.path[:] = asked['path']; "
          "from importlib import import_module; import_module(asked['module']).answer(asked)")


def start(module: str, asked: dict[str, Any], stderr: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a process in which `module.answer(asked)` is called.

    Args:
        module: by its name.
        asked: as JSON can say it.
        stderr: where to what the process prints goes.
    """
    process = subprocess.Popen([sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=stderr, start_new_session=True)
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(json.dumps({**asked, "module": module, "path": sys.path}).encode() + b"\n")
    process.stdin = None  # else `communicate` would flush it
    return process


def answering() -> Callable[[dict[str, Any]], None]:
    """In such a process: what sends an answer. From now on standard output is standard error."""
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def send(answer: dict[str, Any]) -> None:
        channel.write(json.dumps(answer).encode() + b"\n")

    return send
