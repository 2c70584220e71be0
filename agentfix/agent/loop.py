"""The event loop of an agent's synchronous callers, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from agentfix.errors import UsageError

T = TypeVar("T")
P = ParamSpec("P")


class Waits(Protocol):
    """Has a loop for those who wait."""

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it and wait for its end."""
        ...


A = TypeVar("A", bound=Waits)


def waiting(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[A, P], T]:
    """The synchronous twin of a method: the same arguments, and it waits for the end."""

    @wraps(method)
    def waits(self: A, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.wait(method(self, *args, **kwargs))

    waits.__name__ = method.__name__.removeprefix("a")
    waits.__qualname__ = f"{method.__qualname__.rpartition('.')[0]}.{waits.__name__}"
    waits.__doc__ = f"`{method.__name__}` for scripts and notebooks: waits for the end.\n\n        {method.__doc__}"
    return waits


class Background:
    """The loop of those who wait: begun when the first one does, in whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
        self._ended = False
        self._process: int | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether there is such a loop, and the caller is not in it."""
        return self._loop is not None and not self._loop.is_here()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait for its end.

        Raises:
            UsageError: it was ended, or the caller is in it.
        """
        try:
            loop = self._begun()
        except UsageError:
            work.close()
            raise
        return loop.call(work)

    def each(self, items: AsyncGenerator[T]) -> Generator[T]:
        """What an asynchronous generator yields. Raises UsageError as `call` does."""
        yield from self._begun().each(items)

    def end(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run what is last and stop. May be called twice.

        Raises:
            UsageError: the caller is in this loop.
        """
        if self._process not in (None, os.getpid()):
            return  # all that there is to end belongs to another process
        with self._lock:
            if self._loop is not None and self._loop.is_here():
                raise waits_for_itself()
            loop, self._loop, self._ended = self._loop or LoopThread(), None, True
        loop.call(last())
        loop.end()

    def require_own_process(self) -> None:
        """Raises UsageError: what is used was used in another process before, and came here by a fork."""
        if self._process not in (None, os.getpid()):
            raise UsageError("This agent was used in another process before this one was forked from it, and its "
                             "threads and files are there.", "Make an agent in each process.")
        self._process = os.getpid()

    def _begun(self) -> LoopThread:
        self.require_own_process()
        with self._lock:
            if self._ended:
                raise closed()
            self._loop = self._loop or LoopThread()
            return self._loop


class LoopThread:
    """Runs coroutines for threads that wait for them. It keeps no program from ending that forgot to end it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ended = False
        self._ending = threading.RLock()  # a generator may be collected while it is held
        self._open: set[AsyncGenerator[Any]] = set()
        """What `each` follows, to be closed before what it goes through itself."""
        self._thread = threading.Thread(target=self._run, name="agentfix", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                return self._loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                continue  # whoever waits for what raised it is told

    def is_here(self) -> bool:
        """Whether the caller is in this loop."""
        return threading.current_thread() is self._thread

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it and wait for its end; it is cancelled when the caller is interrupted.

        Raises:
            UsageError: the caller is what this loop runs, and would wait for itself; or the loop was ended meanwhile.
        """
        if self.is_here():
            work.close()
            raise waits_for_itself()
        with self._ending:
            if self._ended:
                work.close()
                raise closed()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return self._result(future)

    def _result(self, future: Future[T]) -> T:
        try:
            return future.result()
        except CancelledError as error:
            raise closed_under_way() from error
        except BaseException:
            future.cancel()
            raise

    def each(self, items: AsyncGenerator[T]) -> Generator[T]:
        """What an asynchronous generator yields; closing this one closes that one."""
        async def following() -> tuple[T] | None:
            try:
                return (await anext(items),)
            except StopAsyncIteration:
                return None

        self._open.add(items)
        try:
            while (item := self.call(following())) is not None:
                yield item[0]
        finally:
            if self.is_here():  # this one was left, and its garbage is collected in the loop
                asyncio.run_coroutine_threadsafe(self._closed(items), self._loop)
            elif not self._ended:
                self.call(self._closed(items))

    def end(self) -> None:
        """Stop the loop, when what was started in it has been cancelled and has ended."""
        with self._ending:
            self._ended = True
            future = asyncio.run_coroutine_threadsafe(self._closed_down(), self._loop)
        self._result(future)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _closed(self, items: AsyncGenerator[Any]) -> None:
        await items.aclose()
        self._open.discard(items)

    async def _closed_down(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for items in self._open:
            await items.aclose()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


def waits_for_itself() -> UsageError:
    """What those are told whom the agent's own loop calls."""
    return UsageError("Something that the agent itself runs can't wait for it.",
                      "Await the method whose name begins with an a: `arun` for `run`.")


def closed() -> UsageError:
    """What those are told who come after the agent was closed."""
    return UsageError("This agent is closed.", "Make another one, or close it when its last run has ended.")


def closed_under_way(run: str = "") -> UsageError:
    """What those are told whose run did not end before the agent was closed."""
    which = f"run {run!r}" if run else "a run"
    return UsageError(f"The agent was closed before {which} had ended.", "Wait for its runs, or cancel them, first.")
