"""Keeps what a tool prints out of standard output, which belongs to the application."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_into: ContextVar[list[str] | None] = ContextVar("agentfix_prints", default=None)
KEPT_CHARS = 200


class _Divided:
    """Standard output, but for what is printed on behalf of a tool.

    Args:
        real: it; None in a program that has none.
    """

    def __init__(self, real: Any) -> None:
        self.real = real
        self.users = 0

    def write(self, text: str) -> int:
        kept = _into.get()
        if kept is None:
            return len(text) if self.real is None else self.real.write(text)
        if sum(map(len, kept)) < KEPT_CHARS:
            kept.append(text[:KEPT_CHARS])
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.real is not None:
            self.real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@contextmanager
def kept() -> Generator[list[str]]:
    """Take what is printed inside, in this task and in threads that get its context. Yields the beginning of it."""
    texts: list[str] = []
    divided = sys.stdout if isinstance(sys.stdout, _Divided) else _Divided(sys.stdout)
    sys.stdout = divided
    divided.users += 1
    token = _into.set(texts)
    try:
        yield texts
    finally:
        _into.reset(token)
        divided.users -= 1
        if divided.users == 0 and sys.stdout is divided:
            sys.stdout = divided.real
