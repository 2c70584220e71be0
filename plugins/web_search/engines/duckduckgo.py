"""DuckDuckGo, through the package `ddgs`.

`ddgs` makes its requests itself, with a browser's fingerprint, for DuckDuckGo answers no other programs. It asks many
engines unless it is told which one.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
from dataclasses import dataclass
from typing import Any

from agentfix import Http, Passage, Secrets, ToolError, WebQuery

from .answers import address, plain

BACKEND = "duckduckgo"
_ANYWHERE = "wt-wt"


@dataclass(frozen=True, slots=True)
class DuckDuckGo:
    """Implements `agentfix.WebEngine`."""

    hosts: tuple[str, ...] = ("html.duckduckgo.com",)
    secrets: tuple[str, ...] = ()
    pause_s: float = 1.0

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """See `agentfix.WebEngine`."""
        if importlib.util.find_spec("ddgs") is None:
            raise ToolError("DuckDuckGo needs ddgs: pip install 'agentfix[web]'", status="missing")
        if query.safe == "strict":
            raise ToolError("DuckDuckGo can't be asked to search strictly through ddgs.", status="refused")
        found = await asyncio.to_thread(_asked, query)
        return [Passage(plain(one.get("title")), plain(one.get("body")), address(one.get("href"))) for one in found]


def _asked(query: WebQuery) -> list[dict[str, Any]]:
    from ddgs.ddgs import DDGS  # noqa: PLC0415 - an optional package
    from ddgs.engines import ENGINES  # noqa: PLC0415
    from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException  # noqa: PLC0415

    if BACKEND not in ENGINES["text"]:  # it would ask all the others
        raise ToolError("This version of ddgs can't ask DuckDuckGo.", status="missing")
    try:
        return DDGS(timeout=math.ceil(query.timeout_s)).text(
            query.text, backend=BACKEND, region=query.region or _ANYWHERE, safesearch=query.safe,
            timelimit=query.since[0] if query.since else None, max_results=query.k)
    except RatelimitException as error:
        raise ToolError("DuckDuckGo says that it was asked too often.", status="rate_limited") from error
    except TimeoutException as error:
        raise ToolError("DuckDuckGo did not answer in time.", status="timeout") from error
    except DDGSException as error:
        if "No results" in str(error):  # which ddgs also says when DuckDuckGo refuses to answer
            raise ToolError("DuckDuckGo found nothing, or does not answer programs now.", status="nothing") from error
        raise ToolError(f"DuckDuckGo can't be reached: {plain(str(error))[:200]}.", status="unavailable") from error
