"""Functions of the host, called by a program that runs in a thread."""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from agentfix.errors import ToolError
from agentfix.protocols import HostFunction


class Place:
    """One of the places for programs that run at the same time. A program that waits for the host needs none.

    Args:
        places: how many there are left.
    """

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._taken = self._over = False

    async def take(self) -> None:
        """Wait for a free place, and take it."""
        await self._places.acquire()
        if self._over:  # the program ended while this waited
            self._places.release()
        else:
            self._taken = True

    def leave(self, *, for_good: bool = False) -> None:
        """Give the place back."""
        self._over = self._over or for_good
        if self._taken:
            self._taken = False
            self._places.release()


class HostCalls:
    """What a program may call by name.

    Args:
        functions: the functions of the host.
        place: the program's place, given back while a function runs.
        loop: where the functions run.
        at_fault: called when a function broke its contract, after `fault` was set.
    """

    def __init__(self, functions: Mapping[str, HostFunction], place: Place, loop: asyncio.AbstractEventLoop,
                 at_fault: Callable[[], None]) -> None:
        self._functions = functions
        self._place = place
        self._loop = loop
        self._at_fault = at_fault
        self._context = contextvars.copy_context()
        self._running: Future[Any] | None = None
        self._cancelled = False
        self._began: float | None = None
        self._seconds = 0.0
        self.made = 0
        """How many calls were made."""
        self.fault: BaseException | None = None
        """What a function raised that is no message to the program."""

    @property
    def seconds(self) -> float:
        """How long the program has waited for functions so far."""
        began = self._began
        return self._seconds + (time.perf_counter() - began if began is not None else 0.0)

    def by_name(self) -> dict[str, Callable[..., Any]]:
        """The functions as a blocking interpreter can call them, from its thread."""
        return {name: self._blocking(name, function) for name, function in self._functions.items()}

    def cancel(self) -> None:
        """Cancel the function that runs or is about to."""
        self._cancelled = True
        running = self._running
        if running is not None:
            running.cancel()

    def _blocking(self, name: str, function: HostFunction) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                args, kwargs = json.loads(json.dumps([args, kwargs], allow_nan=False))
            except (TypeError, ValueError, RecursionError) as error:
                raise TypeError(f"{name}() takes what JSON can say: {error}") from None
            return self._wait_for(function, args, kwargs)
        return call

    def _wait_for(self, function: HostFunction, args: Any, kwargs: Any) -> Any:
        self.made += 1
        self._began = time.perf_counter()
        try:
            self._running = self._context.run(
                asyncio.run_coroutine_threadsafe, self._call(function, args, kwargs), self._loop)
            if self._cancelled:
                self._running.cancel()
            return json.loads(json.dumps(self._running.result(), allow_nan=False))
        except ToolError as error:
            raise RuntimeError(str(error)) from None
        except BaseException as error:
            self.fault = error
            self._at_fault()
            raise
        finally:
            self._seconds, self._running, self._began = self.seconds, None, None

    async def _call(self, function: HostFunction, args: Any, kwargs: Any) -> Any:
        self._place.leave()
        try:
            return await function(*args, **kwargs)
        finally:
            await self._place.take()
