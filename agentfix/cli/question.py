"""Reads the caller's question and checks from where they are: an argument, a file, standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from agentfix.checks import checks_in
from agentfix.errors import InputError
from agentfix.types import Check


def read_question(argument: str | None, file: Path | None) -> str:
    """The question, whole and stripped.

    Args:
        argument: the question itself; `-` for standard input.
        file: a file that holds it.

    Raises:
        InputError: there is none, there are two, it is empty, or it can't be read as UTF-8.
    """
    if argument is not None and file is not None:
        raise InputError("The question was given twice.", "Give it as an argument or with --file.")
    if file is not None:
        text, source = _decode(_read(file), str(file)), str(file)
    elif argument == "-":
        text, source = _decode(sys.stdin.buffer.read(), "Standard input"), "Standard input"
    elif argument is not None:
        text, source = _decode(argument.encode("utf-8", "surrogateescape"), "The question"), "The question"
    else:
        raise InputError("No question was given.", "Write it after 'agentfix run', or '-' to read standard input.")
    if not text.strip():
        raise InputError(f"{source} is empty.", "Ask something.")
    return text.strip()


def read_checks(file: Path | None) -> tuple[Check, ...]:
    """The caller's own checks from a Python file: see `checks_in`.

    Raises:
        InputError: it can't be read, is not Python, checks nothing, or has tests that can't be called plainly.
    """
    return () if file is None else checks_in(_decode(_read(file), str(file)), str(file))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror or error}.") from error


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8: byte {error.start} is {data[error.start]:#04x}.",
                         "Convert it to UTF-8.") from error
