"""Tavily, with a key: https://docs.tavily.com/documentation/api-reference/endpoint/search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentfix import Http, Passage, Secrets, ToolError, WebQuery

from .answers import address, plain, results_of

KEY = "TAVILY_API_KEY"
URL = "https://api.tavily.com/search"
_MOST = 20
_SPENT = (432, 433)
"""The statuses of a plan or a budget that is used up."""


@dataclass(frozen=True, slots=True)
class Tavily:
    """Implements `agentfix.WebEngine`.

    Args:
        url: of the service.
    """

    url: str = URL
    hosts: tuple[str, ...] = ("api.tavily.com",)
    secrets: tuple[str, ...] = (KEY,)
    pause_s: float = 0.1

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """See `agentfix.WebEngine`."""
        if query.safe == "strict":
            raise ToolError("Tavily can't be asked to search strictly.", status="refused")
        asked: dict[str, Any] = {"query": query.text, "max_results": min(query.k, _MOST), "search_depth": "basic"}
        if query.since:
            asked["time_range"] = query.since
        answer = await http.request("POST", self.url, json=asked, timeout_s=query.timeout_s,
                                    headers={"Authorization": f"Bearer {secrets.require(KEY)}"})
        if answer.status in _SPENT:
            raise ToolError("Tavily's plan is used up.", status="refused")
        return [Passage(plain(one.get("title")), plain(one.get("content")), address(one.get("url")))
                for one in results_of(answer, "Tavily", "results")]
