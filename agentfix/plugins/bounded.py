"""Runs a stranger's code while a plugin is loaded or a part of it made: it can keep nobody waiting for ever, and has
neither the terminal's input nor standard output, which belong to the application."""

from __future__ import annotations

import contextvars
import io
import queue
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from agentfix.places import place_of, stacks

T = TypeVar("T")


class HungError(Exception):
    """Code that has not ended in time.

    Args:
        limit_s: how long it had.
        place: where it is; empty when unknown.
    """

    def __init__(self, limit_s: float, place: str) -> None:
        super().__init__(f"has not ended after {limit_s:g} s{': it is at ' if place else ''}{place}")


def bounded(function: Callable[[], T], limit_s: float | None) -> T:
    """Call a function in a daemon thread, with this context's variables, and wait for its end.

    Args:
        function: what to call.
        limit_s: how long it may take; None for as long as it likes. Past it the thread is left behind.

    Raises:
        HungError: it has not ended.
        BaseException: whatever it raises. Its own KeyboardInterrupt comes as a RuntimeError: nobody pressed Ctrl-C.
    """
    ended: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            ended.put((context.run(function), None))
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who waits
            ended.put((None, error))

    thread = threading.Thread(target=work, name="plugin", daemon=True)
    with _streams_kept():
        thread.start()
        try:
            result, error = ended.get(timeout=limit_s)
        except queue.Empty:
            raise HungError(limit_s or 0.0, place_of(stacks().get(thread.ident or 0, []))) from None
    if isinstance(error, KeyboardInterrupt):
        raise RuntimeError(f"it raised {error!r}") from error
    if error is not None:
        raise error
    return result  # pyright: ignore[reportReturnType]


class _Empty(io.StringIO):
    """A standard input that holds nothing, and knows what there was before."""

    def __init__(self, kept: tuple[TextIO, TextIO, TextIO]) -> None:
        super().__init__()
        self.kept = kept


@contextmanager
def _streams_kept() -> Generator[None]:
    """Give an empty standard input, have what is printed go to standard error, and put all three back afterwards.

    A thread left behind that reads the real standard input would make Python abort at its end. Several threads may be
    in here: each puts back what there was before the first.
    """
    kept = sys.stderr, sys.stdout, sys.stdin
    if isinstance(kept[2], _Empty):
        kept = kept[2].kept
    sys.stdin = _Empty(kept)
    sys.stdout = kept[0]
    try:
        yield
    finally:
        sys.stderr, sys.stdout, sys.stdin = kept
