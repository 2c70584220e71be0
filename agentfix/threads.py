"""Runs plain functions where they block nobody: each in a thread that may be left behind.

`asyncio.to_thread` is not enough: a function that never returns would keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
_NOT_PASSED_ON = (StopIteration, GeneratorExit, asyncio.CancelledError)
"""Whoever awaits would take these for its own end."""


async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function or an object that can be called: one that is async here, a plain one in a thread."""
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.iscoroutinefunction(called):
        return await _awaited(function(*args, **kwargs))
    result = await in_thread(function, *args, **kwargs)
    return await _awaited(result) if inspect.isawaitable(result) else result


async def _awaited(work: Awaitable[Any]) -> Any:
    """What it returns. A CancelledError that it raises without being cancelled is an error like others."""
    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError(f"it raised {error!r}") from error


async def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function in a daemon thread, with this task's context variables.

    Cancelling the call leaves the thread behind; what it returns is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # pyright: ignore[reportArgumentType]

    def work() -> None:
        result, error = None, None
        try:
            result = context.run(function, *args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - whatever it is belongs to who awaits
            error = RuntimeError(f"it raised {raised!r}") if isinstance(raised, _NOT_PASSED_ON) else raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=getattr(function, "__name__", "tool"), daemon=True).start()
    return await future
