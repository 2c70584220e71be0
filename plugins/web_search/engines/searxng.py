"""SearXNG, on a server of the user's choice: https://docs.searxng.org/dev/search_api.html."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from agentfix import Http, Passage, Secrets, ToolError, WebQuery

from .answers import address, country, language, plain, results_of

_SAFE = {"off": "0", "moderate": "1", "strict": "2"}


@dataclass(frozen=True, slots=True)
class SearXng:
    """Implements `agentfix.WebEngine`.

    Args:
        url: of the server; None when the user has told none.
    """

    url: str | None
    secrets: tuple[str, ...] = ()
    pause_s: float = 0.0

    @property
    def hosts(self) -> tuple[str, ...]:
        host = urlsplit(self.url).hostname if self.url else None
        return (host,) if host else ()

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """See `agentfix.WebEngine`."""
        if self.url is None:
            raise ToolError("SearXNG has no address: set searxng_url.", status="missing")
        params = {"q": query.text, "format": "json", "safesearch": _SAFE[query.safe]}
        if query.region:
            params["language"] = f"{language(query.region)}-{country(query.region)}"
        if query.since:
            params["time_range"] = query.since
        answer = await http.get(f"{self.url.rstrip('/')}/search", params=params, timeout_s=query.timeout_s)
        if answer.status == 403:
            raise ToolError("SearXNG refuses to answer with JSON: its settings.yml must name json in search.formats.",
                            status="refused")
        return [Passage(plain(one.get("title")), plain(one.get("content")), address(one.get("url")))
                for one in results_of(answer, "SearXNG", "results")]
