"""Brave Search, with a key: https://api-dashboard.search.brave.com/app/documentation/web-search."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix import Http, Passage, Secrets, ToolError, WebQuery

from .answers import address, country, language, plain, results_of

KEY = "BRAVE_API_KEY"
URL = "https://api.search.brave.com/res/v1/web/search"
_MOST = 20
_BAD_KEY = 422


@dataclass(frozen=True, slots=True)
class Brave:
    """Implements `agentfix.WebEngine`.

    Args:
        url: of the service.
    """

    url: str = URL
    hosts: tuple[str, ...] = ("api.search.brave.com",)
    secrets: tuple[str, ...] = (KEY,)
    pause_s: float = 1.0

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """See `agentfix.WebEngine`."""
        params = {"q": query.text, "count": str(min(query.k, _MOST)), "safesearch": query.safe,
                  "text_decorations": "false"}
        if query.region:
            params |= {"country": country(query.region), "search_lang": language(query.region)}
        if query.since:
            params["freshness"] = f"p{query.since[0]}"
        headers = {"X-Subscription-Token": secrets.require(KEY), "Accept": "application/json"}
        answer = await http.get(self.url, params=params, headers=headers, timeout_s=query.timeout_s)
        if answer.status == _BAD_KEY and "SUBSCRIPTION_TOKEN" in answer.text:
            raise ToolError(f"Brave does not accept the key {KEY}.", status="refused")
        return [Passage(plain(one.get("title")), plain(one.get("description")), address(one.get("url")))
                for one in results_of(answer, "Brave", "web", "results")]
