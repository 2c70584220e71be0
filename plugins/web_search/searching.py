"""Asks one engine after the other until one has results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from agentfix import Http, Passage, Secrets, ToolError, WebEngine, WebQuery

from .distinct import distinct
from .engines.answers import BARRED_S
from .store import Store

TRIES = 3
BACKOFF_S = 0.5
"""Before the second try; twice as long before each further one."""
SPARE = 5
"""So many more results are asked for than wanted, because some come twice."""
_AGAIN = {"timeout", "unavailable"}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search."""

    engine: str
    """Who answered; empty when everybody found nothing."""
    passages: tuple[Passage, ...]
    failed: Mapping[str, str]
    """Of each engine that was asked in vain, why."""
    kept: bool = False
    """It comes from the disk."""


@dataclass(frozen=True, slots=True)
class Searching:
    """Searches with a number of engines.

    Args:
        engines: by name, in the order in which they are asked.
        store: keeps what they found, and when they may be asked again.
        sleep: waits for so many seconds.
    """

    engines: Mapping[str, WebEngine]
    store: Store
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def search(self, query: WebQuery, http: Http, secrets: Secrets) -> Found:
        """The results of the first engine that has any.

        Each engine gets an equal share of the time that is left.

        Args:
            query: its `timeout_s` is for all engines together.
            http: reaches the engines' hosts.
            secrets: knows the engines' keys.

        Raises:
            ToolError: no engine answered; says of each why.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + query.timeout_s
        failed: dict[str, str] = {}
        answered = False
        for number, (name, engine) in enumerate(self.engines.items()):
            share_s = (until - clock()) / (len(self.engines) - number)
            asked = replace(query, k=query.k + SPARE, timeout_s=share_s)
            try:
                kept = await self.store.recall(name, engine, asked)
                found = kept if kept is not None else await self._asked(name, engine, asked, http, secrets)
            except ToolError as error:
                failed[name] = str(error)
                answered = answered or error.status == "nothing"
                continue
            if found:
                return Found(name, tuple(found[:query.k]), failed, kept is not None)
            failed[name] = "found nothing"
            answered = True
        if not answered:
            raise ToolError(f"No search engine answered. {told(failed)}", status="unavailable")
        return Found("", (), failed)

    async def _asked(self, name: str, engine: WebEngine, query: WebQuery, http: Http,
                     secrets: Secrets) -> list[Passage]:
        """What an engine finds, after its turn and some tries. Raises ToolError."""
        clock = asyncio.get_running_loop().time
        until = clock() + query.timeout_s
        for number in range(1, TRIES + 1):
            left_s = until - clock()
            wait_s = await self.store.turn(name, engine.pause_s, left_s)
            if wait_s > left_s:
                raise ToolError(f"it may not be asked for {wait_s:.0f} s", status="rate_limited")
            if wait_s:
                await self.sleep(wait_s)
            try:
                found = distinct(await _answer(engine, replace(query, timeout_s=max(0.1, until - clock())), http,
                                               secrets))
            except ToolError as error:
                if error.status == "rate_limited":
                    await self.store.bar(name, getattr(error, "wait_s", BARRED_S))
                backoff_s = BACKOFF_S * 2 ** (number - 1)
                if error.status not in _AGAIN or number == TRIES or until - clock() <= backoff_s:
                    raise
                await self.sleep(backoff_s)
                continue
            if found:
                await self.store.keep(name, engine, query, found)
            return found
        raise AssertionError


async def _answer(engine: WebEngine, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
    try:
        async with asyncio.timeout(query.timeout_s):
            return await engine.search_web(query, http, secrets)
    except TimeoutError:
        raise ToolError("it did not answer in time", status="timeout") from None
    except ToolError:
        raise
    except Exception as error:  # an engine is a plugin and may raise anything; it is named
        raise ToolError(f"it is faulty: it raised {error!r}", status="fault") from error


def told(failed: Mapping[str, str]) -> str:
    """Why engines were asked in vain, in a line."""
    return " ".join(f"{name}: {why.rstrip('.')}." for name, why in failed.items())
