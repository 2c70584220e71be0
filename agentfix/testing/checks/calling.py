"""Makes one call of a part, in an event loop of its own thread, and notes everything about it.

Whatever the part does, the caller goes on: what hangs or blocks its loop is left behind with that loop.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from agentfix.places import place_of, place_of_error, stacks
from agentfix.tools.holding import Held
from agentfix.tools.runner import HELD_S

GRACE_S = 1.0
"""Past its time-out a call is cancelled, and past this much more it is left behind."""
_POLL_S = 0.05


class LeavingError(Exception):
    """A part wanted to end the process."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call."""

    value: Any = None
    error: BaseException | None = None
    where: str = ""
    """The place in the part's code where it raised, blocked or hung."""
    hung: bool = False
    """It had not ended when its time was up."""
    left: bool = False
    """Nor did it end when it was cancelled."""
    held_s: float = 0.0
    """How long it kept the event loop from anything else, at a stretch."""
    printed: str = ""


class Caller:
    """Makes calls, one after the other, in one event loop as long as that is well."""

    def __init__(self) -> None:
        self._loop: _LoopThread | None = None

    def call(self, work: Callable[[], Coroutine[Any, Any, Any]], timeout_s: float, *, cancel: bool = False) -> Outcome:
        """Make a call.

        Args:
            work: gives the coroutine.
            timeout_s: how long it may take.
            cancel: cancel it as soon as it waits for something.
        """
        if self._loop is None:
            self._loop = _LoopThread()
            weakref.finalize(self, self._loop.stop).atexit = False
        call = _Call(work, cancel)
        with captured() as printed:
            asyncio.run_coroutine_threadsafe(call.run(), self._loop.loop)
            where, hung, left = self._wait(call, self._loop, timeout_s)
        if left:
            self._loop.left = call  # its pieces would complain if they were collected one by one
            self._loop = None
        error = call.error
        if error is not None and not where:
            where = place_of_error(error)
        return Outcome(call.value, error, where, hung, left, call.held_s, printed())

    def _wait(self, call: _Call, thread: _LoopThread, timeout_s: float) -> tuple[str, bool, bool]:
        """Wait for the end. Returns where the part last was when it held the loop, whether it hung, whether it still
        does."""
        where, began, cancelled_s = "", time.monotonic(), 0.0
        while not call.done.wait(_POLL_S):
            seconds = time.monotonic() - began
            where = thread.busy_at() or where
            if seconds > timeout_s and not cancelled_s:
                where = where or call.waits_at() or thread.busy_elsewhere_at()
                thread.loop.call_soon_threadsafe(call.stop)
                cancelled_s = seconds
            if cancelled_s and seconds > cancelled_s + GRACE_S:
                call.held_s = seconds if thread.busy_at() else call.held_s
                return where or call.waits_at() or thread.busy_elsewhere_at(), True, True
        held = call.held_s > HELD_S
        return where if held or cancelled_s else "", bool(cancelled_s), False


class _Call:
    """A call under way, in its loop."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]], cancel: bool) -> None:
        self.value: Any = None
        self.error: BaseException | None = None
        self.held_s = 0.0
        self.done = threading.Event()
        self._work = work
        self._cancel = cancel
        self._task: asyncio.Task[Any] | None = None
        self._coroutine: Coroutine[Any, Any, Any] | None = None

    async def run(self) -> None:
        held: Held[Any] | None = None
        try:
            self._coroutine = self._work()
            held = Held(self._coroutine)
            self._task = asyncio.ensure_future(_awaited(held))
            if self._cancel:
                await asyncio.sleep(0)
                self._task.cancel()
            self.value = await self._task
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is reported
            self.error = error
        finally:
            self.held_s = max(self.held_s, held.longest_s if held is not None else 0.0)
            self.done.set()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def waits_at(self) -> str:
        """Where it waits for something that does not come."""
        frames: list[tuple[str, int]] = []
        waiting: Any = self._coroutine
        while waiting is not None and (frame := getattr(waiting, "cr_frame", None)) is not None:
            frames.append((frame.f_code.co_filename, frame.f_lineno))
            waiting = waiting.cr_await
        return place_of(frames)


class _LoopThread:
    """An event loop in a thread that keeps nobody from leaving."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_ignore)
        self.left: _Call | None = None
        self._thread = threading.Thread(target=self._run, name="checked", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, unless something still goes on in it."""
        if self.left is None:
            self.loop.call_soon_threadsafe(self.loop.stop)

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(_cancel_the_others())
        self.loop.close()

    def busy_at(self) -> str:
        """Where in somebody's code the loop's thread is; empty when it waits for something to happen."""
        return place_of(stacks().get(self._thread.ident or 0, []))

    def busy_elsewhere_at(self) -> str:
        """Where in somebody's code a thread is that is neither the loop's nor the caller's."""
        mine = {self._thread.ident, threading.get_ident()}
        places = (place_of(stack) for ident, stack in stacks().items() if ident not in mine)
        return next(filter(None, places), "")


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What goes wrong in tasks that a part left behind would be printed."""


async def _cancel_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=GRACE_S)


async def _awaited(held: Held[Any]) -> Any:
    try:
        return await held
    except (SystemExit, KeyboardInterrupt) as error:  # these would end the event loop
        raise LeavingError(f"it raised {error!r}") from error


# --- what is printed --------------------------------------------------------------------------------------------------


@contextmanager
def captured() -> Generator[Callable[[], str]]:
    """Take everything that is written to standard output and standard error inside, by Python or below it."""
    texts: list[str] = []
    with tempfile.TemporaryFile() as file:
        spared = {number: os.dup(number) for number in (1, 2)}
        wrapper = io.TextIOWrapper(os.fdopen(os.dup(file.fileno()), "wb", buffering=0), "utf-8", "replace",
                                   write_through=True)
        try:
            for number in spared:
                os.dup2(file.fileno(), number)
            with redirect_stdout(wrapper), redirect_stderr(wrapper):
                yield lambda: "".join(texts)
        finally:
            for number, kept in spared.items():
                os.dup2(kept, number)
                os.close(kept)
            file.seek(0)
            texts.append(file.read(10_000).decode("utf-8", "replace").strip())
            wrapper.close()
