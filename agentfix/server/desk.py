"""Requests while they are answered: each ends when its client hangs up, takes too long, or the server goes down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

from agentfix.errors import JournalError
from agentfix.server.failures import NEVER_AGAIN, NOT_KEPT, SERVER, ClientGone, Refusal, refusal_of

T = TypeVar("T")
TROUBLE_S = 60.0
"""How long `/health` tells of what could not be kept."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Desk:
    """Where requests are answered.

    Args:
        limit_s: how long one may take.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._ended = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.under_way = 0
        self.closing = False
        """No more requests are taken."""
        self.unfinished: list[str] = []
        """Runs that were ended by the server's end."""
        self._trouble, self._troubled_at = "", 0.0

    @property
    def trouble(self) -> str:
        """What the server could not keep lately; empty for nothing."""
        return self._trouble if time.monotonic() - self._troubled_at < TROUBLE_S else ""

    def failed(self, error: Exception, request_id: str) -> Refusal:
        """What an error of a request means to its client; see `refusal_of`."""
        if isinstance(error, JournalError):
            self._trouble, self._troubled_at = NOT_KEPT, time.monotonic()
        return refusal_of(error, request_id)

    def require_open(self) -> None:
        """Raise Refusal when the server goes down."""
        if self.closing:
            raise Refusal(503, "The server is going down. Ask again in a while.", SERVER, "going_down",
                          headers={"retry-after": "5"})

    @contextmanager
    def counted(self) -> Generator[None]:
        """Entered for a request, until it is answered."""
        self.under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._idle.set()

    async def attend(self, receive: Receive, work: Coroutine[Any, Any, T], run: str | None) -> T:
        """Do the work for as long as somebody waits for it.

        Args:
            receive: of the request, whose body was read.
            work: is cancelled, and has ended, when this returns or raises.
            run: what the work becomes in the journal, if anything.

        Raises:
            ClientGone: the client hung up.
            Refusal: it took too long, or the server goes down.
        """
        doing, gone = asyncio.create_task(work), asyncio.create_task(_hung_up(receive))
        ended = asyncio.create_task(self._ended.wait())
        tasks: set[asyncio.Task[Any]] = {doing, gone, ended}
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._limit_s, return_when=asyncio.FIRST_COMPLETED)
            if doing in done:
                return doing.result()
            if gone in done:
                raise ClientGone
            way_on = "" if run is None else f" Go on with it: agentfix resume {run}"
            if ended in done:
                self.unfinished += [] if run is None else [run]
                raise Refusal(503, f"The server went down before this was answered.{way_on}", SERVER, "going_down")
            raise Refusal(504, f"This took longer than {self._limit_s:g} seconds.{way_on}", SERVER, "timeout",
                          headers=NEVER_AGAIN)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, grace_s: float) -> None:
        """Take no more requests, let those under way end, and end them when that takes too long.

        Args:
            grace_s: how long they may go on.
        """
        self.closing = True
        waiting = [asyncio.create_task(each.wait()) for each in (self._idle, self._ended)]
        _, left = await asyncio.wait(waiting, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        self.end()

    def end(self) -> None:
        """End the requests under way."""
        self._ended.set()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
