"""Fetches a page, if its site agrees, and shows it part by part."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from agentfix import Deadline, FunctionTool, Http, Observation, ToolError, tool

from .reading import Page, read
from .recent import Recent
from .robots import AGENT, Robots, site_of

NAME = "fetch_page"
SHOWN_CHARS = 6000
"""How much of a page one call shows."""
MAX_BYTES = 10_000_000
MOST_PAGES = 8
AGE_S = 600.0
"""How long a page is kept, so that reading on needs no second request."""
_TITLE_CHARS = 200


@dataclass(eq=False)
class FetchPage:
    """Reads pages, and keeps the newest to read on in."""

    _robots: Robots = field(default_factory=Robots, init=False)
    _pages: Recent[Page] = field(default_factory=lambda: Recent(MOST_PAGES, AGE_S), init=False)

    async def __call__(self, url: str, start: Annotated[int, Field(ge=0)] = 0, *, http: Http,
                       deadline: Deadline) -> Observation:
        """Read a page of the web, HTML or PDF, as text. A long page is shown in parts.

        Args:
            url: Address of the page, such as a result of web_search.
            start: Where to begin in a long page, in characters; the part before tells the number.
        """
        address = url.strip() if "://" in url else f"https://{url.strip()}"
        page = self._pages.get(address)
        if page is None:
            page = await self._fetched(address, http, deadline)
            self._pages.put(address, page)
        return _shown(page, start)

    async def _fetched(self, url: str, http: Http, deadline: Deadline) -> Page:
        clock = asyncio.get_running_loop().time
        until = clock() + deadline
        await self._robots.check(url, http)
        answer = await http.get(url, headers={"User-Agent": AGENT, "Accept": "text/html,application/pdf,text/*;q=0.9"},
                                max_bytes=MAX_BYTES, timeout_s=max(0.1, until - clock()))
        if site_of(answer.url) != site_of(url):
            await self._robots.check(answer.url, http)
        if not 200 <= answer.status < 300:
            raise _failure(answer.url, answer.status)
        return await read(answer, max(0.1, until - clock()))


def fetch_page_tool() -> FunctionTool:
    """The tool `fetch_page`, which may reach every public host."""
    return tool(hosts=("*",), processes=True)(FetchPage())


def _shown(page: Page, start: int) -> Observation:
    total = len(page.text)
    if start and start >= total:
        raise ToolError(f"The page ends at character {total}: there is nothing from {start} on.")
    end = _cut(page.text, start)
    part = page.text[start:end]
    title = page.title[:_TITLE_CHARS]
    lines = [*([title] if title else []), page.url, "", part]
    if start or end < total:
        rest = f"; read on with start={end}" if end < total else ""
        lines.append(f"[characters {start} to {end} of {total}{rest}]")
    return Observation(NAME, "ok", "\n".join(lines), {"title": title, "url": page.url, "text": part, "start": start,
                                                      "end": end, "total": total})


def _cut(text: str, start: int) -> int:
    """Where a part ends: after a line or sentence if one ends in its last fifth."""
    end = start + SHOWN_CHARS
    if end >= len(text):
        return len(text)
    for mark in ("\n", ". ", " "):
        found = text.rfind(mark, end - SHOWN_CHARS // 5, end)
        if found > 0:
            return found + len(mark)
    return end


def _failure(url: str, status: int) -> ToolError:
    said = next((one.phrase for one in HTTPStatus if one == status), "")
    busy = status == 429 or status >= 500
    return ToolError(f"{url} is answered with {status}{f' ({said})' if said else ''}.",
                     status="unavailable" if busy else "error")
