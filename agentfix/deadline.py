"""A time limit for a blocking call that has none of its own, such as a name lookup."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
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


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def throw() -> NoReturn:
        raise error

    return throw
