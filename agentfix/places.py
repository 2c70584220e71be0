"""Says where in somebody's code something happened."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

_OURS = f"{Path(__file__).parent}{os.sep}"
_PYTHON = f"{Path(os.__file__).parent}{os.sep}"


def place_of(frames: list[tuple[str, int]]) -> str:
    """The innermost place that is neither agentfix's own nor Python's library; empty when there is none.

    Args:
        frames: files and lines, the innermost last.
    """
    for file, line in reversed(frames):
        inside_python = file.startswith(_PYTHON) and "site-packages" not in file
        if not (file.startswith((_OURS, "<")) or inside_python):
            path = Path(file)
            return f"{f'{path.parent.name}/' if path.name == '__init__.py' else ''}{path.name} line {line}"
    return ""


def stacks() -> dict[int, list[tuple[str, int]]]:
    """Where each thread is, by its number: files and lines, the innermost last."""
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
    return {ident: [(each.filename, each.lineno or 0) for each in traceback.extract_stack(frame)]
            for ident, frame in frames.items()}


def place_of_error(error: BaseException) -> str:
    """Where an error was raised."""
    return place_of([(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)])
