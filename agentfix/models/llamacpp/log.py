"""llama.cpp's log, which belongs to the process: it is silent, but for who listens in the thread where it speaks."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Generator
from contextlib import contextmanager

import llama_cpp

_ERROR = 4
_listening = threading.local()


@llama_cpp.llama_log_callback
def _hear(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    """llama.cpp writes hundreds of lines to stderr when it loads a model."""
    lines: list[str] | None = getattr(_listening, "lines", None)
    if lines is not None and level == _ERROR:
        lines.append(text.decode("utf-8", "replace").strip())


def silence() -> None:
    """Keep the log from stderr."""
    llama_cpp.llama_log_set(_hear, ctypes.c_void_p(0))


@contextmanager
def complaints() -> Generator[list[str]]:
    """What llama.cpp complains of, in this thread, while this is open."""
    _listening.lines = lines = list[str]()
    try:
        yield lines
    finally:
        _listening.lines = None
