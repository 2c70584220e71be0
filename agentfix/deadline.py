"""Time limits: for a blocking call that has none of its own, such as a name lookup, and one that stands still."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

T = TypeVar("T")


def within(seconds: float, action: Callable[[], T]) -> T:
    """Call `action`, and wait for it no longer than that.

    A call that is too slow goes on in a daemon thread, which does not keep the process alive.

    Returns:
        What `action` returns.

    Raises:
        TimeoutError: it did not end in time.
        BaseException: what `action` raised.
    """
    results: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def call() -> None:
        try:
            value = action()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            results.put(_raiser(error))
        else:
            results.put(lambda: value)

    threading.Thread(target=call, daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    return result()


@contextmanager
def standing_still(limit: asyncio.Timeout) -> Generator[None]:
    """Don't count the time of this block towards a limit that is entered already."""
    loop = asyncio.get_running_loop()
    until = limit.when()
    left_s = None if until is None else until - loop.time()
    limit.reschedule(None)
    try:
        yield
    finally:
        if not limit.expired():
            limit.reschedule(None if left_s is None else loop.time() + left_s)


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def throw() -> NoReturn:
        raise error

    return throw
