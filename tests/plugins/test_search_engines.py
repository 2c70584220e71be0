"""The engines, against servers of this machine that answer in their shapes (see engines.py)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from agentfix_plugins.web_search.engines.answers import plain
from agentfix_plugins.web_search.engines.brave import Brave
from agentfix_plugins.web_search.engines.duckduckgo import DuckDuckGo
from agentfix_plugins.web_search.engines.searxng import SearXng
from agentfix_plugins.web_search.engines.tavily import Tavily
from agentfix_plugins.web_search.engines.wikipedia import Wikipedia

from agentfix import Passage, ToolError, WebEngine, WebQuery, load_settings
from agentfix.plugins import Plugins
from agentfix.tools.http import HttpClient
from tests.loopback import Reply, Site
from tests.plugins import engines as shapes
from tests.plugins.engines import LIGHTHOUSES, as_json


class Keys:
    """Knows every key."""

    def get(self, name: str) -> str:
        return f"<{name}>"

    def require(self, name: str) -> str:
        return self.get(name)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({}) as site:
        yield site


@pytest.fixture
async def http(site: Site) -> AsyncIterator[HttpClient]:
    async with HttpClient(["127.0.0.1"], private_hosts=[site.authority]) as http:
        yield http


def engine(name: str, site: Site) -> WebEngine:
    match name:
        case "searxng":
            return SearXng(site.url("/searxng/"))
        case "brave":
            return Brave(site.url("/res/v1/web/search"))
        case "tavily":
            return Tavily(site.url("/search"))
        case _:
            return Wikipedia(site.url("/{language}/w/api.php"))


async def found(name: str, site: Site, http: HttpClient, **options: Any) -> list[Passage]:
    return await engine(name, site).search_web(WebQuery("Alnes lighthouse", 3, **options), http, Keys())


HTTP_ENGINES = ["searxng", "brave", "tavily", "wikipedia"]


@pytest.mark.parametrize("name", HTTP_ENGINES)
async def test_results_are_read(name: str, site: Site, http: HttpClient) -> None:
    site.routes["/*"] = getattr(shapes, name)(LIGHTHOUSES)
    passages = await found(name, site, http)
    assert [(one.title, one.url, one.text) for one in passages] == LIGHTHOUSES


@pytest.mark.parametrize("name", HTTP_ENGINES)
async def test_nothing_found_is_no_failure(name: str, site: Site, http: HttpClient) -> None:
    site.routes["/*"] = getattr(shapes, name)([])
    assert await found(name, site, http) == []


@pytest.mark.parametrize(("name", "path", "sent"), [
    ("searxng", "/searxng/search", {"q": "Alnes lighthouse", "format": "json", "safesearch": "2", "language": "en-GB",
                                    "time_range": "week"}),
    ("brave", "/res/v1/web/search", {"q": "Alnes lighthouse", "count": "3", "safesearch": "strict", "country": "GB",
                                     "search_lang": "en", "freshness": "pw", "text_decorations": "false"}),
])
async def test_what_is_asked(name: str, path: str, sent: dict[str, str], site: Site, http: HttpClient) -> None:
    site.routes["/*"] = getattr(shapes, name)(LIGHTHOUSES)
    await found(name, site, http, region="uk-en", since="week", safe="strict")
    assert site.asked[0].path == path
    assert site.asked[0].query == sent


async def test_wikipedia_is_asked_in_the_language_of_the_region(site: Site, http: HttpClient) -> None:
    place = 'The <span class="searchmatch">keeper</span> left in 1982 &amp; ...'
    site.routes["/*"] = shapes.wikipedia(LIGHTHOUSES, place)
    passages = await found("wikipedia", site, http, region="no-nb")
    assert site.asked[0].path == "/nb/w/api.php"
    assert site.asked[0].query["gsrsearch"] == site.asked[0].query["srsearch"] == "Alnes lighthouse"
    assert passages[0].text == f"{LIGHTHOUSES[0][2]} [...] The keeper left in 1982 & ..."


async def test_keys_travel_in_headers(site: Site, http: HttpClient) -> None:
    site.routes["/res/v1/web/search"] = shapes.brave(LIGHTHOUSES)
    site.routes["/search"] = shapes.tavily(LIGHTHOUSES)
    await found("brave", site, http)
    await found("tavily", site, http, since="month")
    brave, tavily = site.asked
    assert brave.headers["x-subscription-token"] == "<BRAVE_API_KEY>"
    assert "BRAVE_API_KEY" not in str(brave.query)
    assert tavily.headers["authorization"] == "Bearer <TAVILY_API_KEY>"
    assert json.loads(tavily.body) == {"query": "Alnes lighthouse", "max_results": 3, "search_depth": "basic",
                                       "time_range": "month"}


@pytest.mark.parametrize(("reply", "status"), [
    (Reply(b"", 429), "rate_limited"), (Reply(b"", 503), "unavailable"), (Reply(b"", 401), "refused"),
    (Reply(b"", 404), "error"), (Reply(b"<html>", 200), "error"), (Reply(b"[" * 200_000), "error"),
    (as_json([1]), ""), (as_json({"results": None}), ""),
    (as_json({"results": 5, "web": {"results": 5}, "query": {"pages": 5}}), "error"),
    (as_json({"results": ["x", 5], "web": {"results": [None]}, "query": {"pages": [[]]}}), ""),
    (as_json({"results": [{}], "web": {"results": [{"title": 5}]}, "query": {"pages": [{"title": None}]}}), ""),
])
@pytest.mark.parametrize("name", HTTP_ENGINES)
async def test_what_is_no_answer_is_told_from_one(name: str, reply: Reply, status: str, site: Site,
                                                  http: HttpClient) -> None:
    site.routes["/*"] = reply
    if not status:
        assert [one.url for one in await found(name, site, http)] in ([], [""])
        return
    with pytest.raises(ToolError) as caught:
        await found(name, site, http)
    assert caught.value.status == status
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", HTTP_ENGINES)
async def test_results_of_odd_types_are_read_as_far_as_they_are_text(name: str, site: Site, http: HttpClient) -> None:
    odd = [{"title": [1], "url": {"a": 1}, "fullurl": 7, "index": "b", "content": {}, "description": 1, "extract": []},
           {"title": "half \ud83d", "index": 1, "content": "cut \ud83d", "description": "cut \ud83d",
            "extract": "cut \ud83d", "url": "https://example.org/", "fullurl": "https://example.org/"}]
    site.routes["/*"] = as_json({"results": odd, "web": {"results": odd}, "query": {"pages": odd, "search": odd}})
    passages = await found(name, site, http)
    assert [(one.title, one.text, one.url) for one in passages] == [
        ("", "", ""), ("half ?", "cut ?", "https://example.org/")]


@pytest.mark.parametrize(("told", "wait_s"), [
    ("120", 120.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), ("9" * 50, 60.0),
])
async def test_an_engine_says_when_it_may_be_asked_again(told: str, wait_s: float, site: Site,
                                                         http: HttpClient) -> None:
    site.routes["/*"] = Reply(b"", 429, {"Retry-After": told})
    with pytest.raises(ToolError) as caught:
        await found("brave", site, http)
    assert caught.value.wait_s == wait_s  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "reply", "said"), [
    ("searxng", Reply(b"", 403), "search.formats"),
    ("brave", as_json({"type": "ErrorResponse", "error": {"code": "SUBSCRIPTION_TOKEN_INVALID", "status": 422}}, 422),
     "BRAVE_API_KEY"),
    ("tavily", as_json({"detail": {"error": "limit"}}, 432), "used up"),
    ("wikipedia", as_json({"error": {"code": "cirrussearch", "info": "Search is broken"}}), "Search is broken"),
])
async def test_a_failure_says_what_to_do(name: str, reply: Reply, said: str, site: Site, http: HttpClient) -> None:
    site.routes["/*"] = reply
    with pytest.raises(ToolError, match=said):
        await found(name, site, http)


@pytest.mark.parametrize(("name", "options"), [
    ("tavily", {"safe": "strict"}), ("wikipedia", {"since": "day"}),
])
async def test_what_an_engine_cant_do_it_does_not_pretend_to(name: str, options: dict[str, Any], site: Site,
                                                             http: HttpClient) -> None:
    with pytest.raises(ToolError) as caught:
        await found(name, site, http, **options)
    assert caught.value.status == "refused"
    assert site.asked == []


async def test_searxng_needs_an_address(http: HttpClient) -> None:
    made = Plugins(load_settings()).build("search_engine", "searxng")
    with pytest.raises(ToolError, match="set searxng_url"):
        await made.search_web(WebQuery("x", 1), http, Keys())
    there = Plugins(load_settings({"searxng_url": "https://search.example.org/x"})).build("search_engine", "searxng")
    assert (made.hosts, there.hosts) == ((), ("search.example.org",))


@pytest.mark.parametrize(("snippet", "text"), [
    ("a <b>bold</b>\n claim", "a bold claim"), ("1 &lt; 2 &amp;&amp; x", "1 < 2 && x"),
    ("if a<b and c>d", "if a<b and c>d"),
    ('<span class="m">x</span><br/>y <i>z</i>', "xy z"), (None, ""), (5, ""), ("&lt;b&gt;", "<b>"),
])
def test_snippets_become_plain(snippet: Any, text: str) -> None:
    assert plain(snippet) == text


# --- DuckDuckGo, through ddgs -----------------------------------------------------------------------------------------


@pytest.fixture
def duck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    pytest.importorskip("ddgs")
    with shapes.standing_for_duckduckgo(monkeypatch) as site:
        yield site


async def ducks(**options: Any) -> list[Passage]:
    return await DuckDuckGo().search_web(WebQuery("Alnes lighthouse", 3, **options), None, Keys())  # type: ignore[arg-type]


async def test_duckduckgo_is_read_through_ddgs_without_advertisements(duck: Site) -> None:
    passages = await ducks()
    assert sorted((one.title, one.url, one.text) for one in passages) == sorted(LIGHTHOUSES)
    assert duck.asked[0].headers["host"] == "html.duckduckgo.com"
    assert parse_qs(duck.asked[0].body.decode()) == {"q": ["Alnes lighthouse"], "l": ["wt-wt"]}


async def test_nobody_but_duckduckgo_is_asked(duck: Site) -> None:
    await ducks(region="de-de", since="month")
    assert duck.paths() == ["/html/"]
    assert parse_qs(duck.asked[0].body.decode()) == {"q": ["Alnes lighthouse"], "l": ["de-de"], "df": ["m"]}


@pytest.mark.parametrize(("reply", "status"), [
    (shapes.duckduckgo([]), "nothing"), (Reply(b"", 202), "nothing"), (Reply(b"", 500), "nothing"),
    (Reply(b"<html></html>"), "nothing"),
])
async def test_when_duckduckgo_has_no_results(reply: Reply, status: str, duck: Site) -> None:
    duck.routes["/html/"] = reply
    with pytest.raises(ToolError) as caught:
        await ducks()
    assert caught.value.status == status


async def test_when_duckduckgo_cant_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ddgs")
    with Site({}) as gone:
        monkeypatch.setenv("DDGS_PROXY", gone.url())
    with pytest.raises(ToolError, match="can't be reached") as caught:
        await ducks()
    assert caught.value.status == "unavailable"


async def test_a_strict_search_is_not_left_to_duckduckgo(duck: Site) -> None:
    with pytest.raises(ToolError, match="strictly"):
        await ducks(safe="strict")
    assert duck.asked == []
