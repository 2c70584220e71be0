"""The addresses of an endpoint: which one to ask, and how many requests may be under way.

Shared by all models of one endpoint. Knows nothing about HTTP.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from agentfix.endpoints import Endpoint

DOWN_S = 15.0
"""How long an address that failed is left alone while there is another."""


class Pool:
    """Chooses addresses.

    Args:
        endpoint: whose.
        clock: monotonic seconds.
    """

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._under_way = dict.fromkeys(endpoint.base_urls, 0)
        self._down_until = dict.fromkeys(endpoint.base_urls, 0.0)
        # A semaphore belongs to the event loop that first waits for it.
        self._gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary())

    @asynccontextmanager
    async def address(self) -> AsyncGenerator[str]:
        """Wait for a turn, and take the least loaded address that is well."""
        loop = asyncio.get_running_loop()
        gate = self._gates.setdefault(loop, asyncio.Semaphore(self.endpoint.max_concurrency))
        async with gate:
            now = self._clock()
            url = min(self._under_way, key=lambda u: (max(0.0, self._down_until[u] - now), self._under_way[u]))
            self._under_way[url] += 1
            try:
                yield url
            finally:
                self._under_way[url] -= 1

    def failed(self, url: str, wait_s: float | None) -> None:
        """Leave an address alone for a while."""
        self._down_until[url] = self._clock() + (DOWN_S if wait_s is None else wait_s)

    def worked(self, url: str) -> None:
        """An address that answers is well."""
        self._down_until[url] = 0.0

    def another(self, url: str) -> bool:
        """Whether some address but this one is well."""
        now = self._clock()
        return any(until <= now for other, until in self._down_until.items() if other != url)
