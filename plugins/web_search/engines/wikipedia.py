"""Wikipedia's own search: https://www.mediawiki.org/wiki/API:Search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfix import Http, Passage, Response, Secrets, ToolError, WebQuery

from .answers import address, language, plain, results_of

URL = "https://{language}.wikipedia.org/w/api.php"
_MOST = 20
"""Of how many articles Wikipedia tells the beginning at once."""


@dataclass(frozen=True, slots=True)
class Wikipedia:
    """Implements `agentfix.WebEngine`. A passage is an article's beginning, and after it the place that fits the query.

    Args:
        url: of the service; `{language}` is filled in.
    """

    url: str = URL
    hosts: tuple[str, ...] = ("*.wikipedia.org",)
    secrets: tuple[str, ...] = ()
    pause_s: float = 0.2

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """See `agentfix.WebEngine`."""
        if query.since:
            raise ToolError("Wikipedia can't search by age.", status="refused")
        most = str(min(query.k, _MOST))
        answer = await http.get(
            self.url.format(language=language(query.region) or "en"), timeout_s=query.timeout_s,
            params={"action": "query", "format": "json", "formatversion": "2", "generator": "search",
                    "gsrsearch": query.text, "gsrlimit": most, "prop": "extracts|info", "exintro": "1",
                    "explaintext": "1", "exlimit": "max", "inprop": "url", "list": "search", "srsearch": query.text,
                    "srlimit": most, "srprop": "snippet"})
        pages = results_of(answer, "Wikipedia", "query", "pages")
        places = {plain(one.get("title")): plain(one.get("snippet"))
                  for one in results_of(answer, "Wikipedia", "query", "search")}
        if not pages and (fault := _fault(answer)):
            raise ToolError(f"Wikipedia can't answer that: {fault[:200]}.")
        found: list[Passage] = []
        for page in sorted(pages, key=_index):
            title, start = plain(page.get("title")), plain(page.get("extract"))
            place = places.get(title, "")
            text = start if not place or place in start else f"{start} [...] {place}" if start else place
            found.append(Passage(title, text, address(page.get("fullurl"))))
        return found


def _index(page: Mapping[str, Any]) -> int:
    index = page.get("index")
    return index if isinstance(index, int) else 0


def _fault(answer: Response) -> str:
    """What Wikipedia says is wrong; empty for nothing."""
    match answer.json():
        case {"error": {"info": str(info)}}:
            return plain(info)
        case _:
            return ""
