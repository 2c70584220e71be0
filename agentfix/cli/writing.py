"""Files that a command writes anew."""

from __future__ import annotations

from pathlib import Path

from agentfix.errors import InputError


def require_other(path: Path, source: Path) -> None:
    """Raise InputError: what is to be written is a file that is read."""
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path} is read here, and would be written over.", "Name another file to write.")


def require_writable(path: Path) -> None:
    """Raise InputError: a file can't be written there. It is left as it is; asked before work that takes long."""
    try:
        there = path.exists()
        with path.open("ab"):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise _cannot(path, error) from error


def write(path: Path, text: str) -> None:
    """Write a file. Raises InputError: it can't be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot(path, error) from error


def _cannot(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be written: {error.strerror}.", "Name a file that can be.")
