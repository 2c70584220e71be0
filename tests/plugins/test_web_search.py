from __future__ import annotations

import asyncio
import json
import sqlite3
import types
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from agentfix_plugins.web_search.distinct import distinct, page_of
from agentfix_plugins.web_search.engines.answers import RateLimitedError
from agentfix_plugins.web_search.searching import Found, Searching
from agentfix_plugins.web_search.store import MAX_BARRED_S, Store

from agentfix import (
    AgentFixError,
    ConfigError,
    Passage,
    Response,
    Settings,
    Tool,
    ToolContext,
    ToolError,
    UnknownNameError,
    WebEngine,
    WebQuery,
    hookimpl,
    load_settings,
)
from agentfix.lifecycle import Lifecycle
from agentfix.plugins import Plugins
from agentfix.protocols.tools import NoHttp, NoSecrets
from agentfix.tools import ToolRunner
from agentfix.types import ToolCall
from tests.loopback import Reply, Site
from tests.plugins import engines as shapes
from tests.plugins.engines import LIGHTHOUSES

QUERY = WebQuery("lighthouse", 3, timeout_s=30.0)


class Clock:
    """Stands still until it is told to go on, or somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Scripted:
    """An engine that answers with one thing after the other; the last one for ever."""

    answers: list[Any]
    hosts: tuple[str, ...] = ("engine.test",)
    secrets: tuple[str, ...] = ()
    pause_s: float = 0.0
    asked: list[WebQuery] = field(default_factory=list)

    async def search_web(self, query: WebQuery, http: Any, secrets: Any) -> list[Passage]:
        self.asked.append(query)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return await answer() if callable(answer) else answer


def hits(*names: str) -> list[Passage]:
    return [Passage(f"About {name}", f"{name} is what this page tells of, and of nothing else at all.",
                    f"https://example.org/{name}") for name in names]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def search(tmp_path: Path, clock: Clock) -> Callable[..., Awaitable[Found]]:
    """Searches with engines that are given by name; what is on the disk stays."""

    def run(query: WebQuery = QUERY, age_s: float = 3600.0, **engines: WebEngine) -> Awaitable[Found]:
        store = Store(tmp_path / "web" / "search.sqlite", age_s, clock)
        return Searching(engines, store, clock.sleep).search(query, NoHttp(), NoSecrets())

    return run


# --- one engine after the other ---------------------------------------------------------------------------------------


async def test_the_first_engine_with_results_answers(search) -> None:
    first, second = Scripted([hits("a", "b")]), Scripted([hits("c")])
    found = await search(first=first, second=second)
    assert (found.engine, found.passages, found.failed, second.asked) == ("first", tuple(hits("a", "b")), {}, [])


async def test_the_next_engine_answers_where_one_fails_or_finds_nothing(search) -> None:
    found = await search(broken=Scripted([ToolError("The key is wrong.", status="refused")]), empty=Scripted([[]]),
                         good=Scripted([hits("a")]))
    assert found.engine == "good"
    assert found.failed == {"broken": "The key is wrong.", "empty": "found nothing"}


async def test_when_no_engine_answers_each_is_told(search, clock: Clock) -> None:
    with pytest.raises(ToolError) as caught:
        await search(a=Scripted([ToolError("It is down.", status="unavailable")]),
                     b=Scripted([ToolError("No key.", status="refused")]))
    assert str(caught.value) == "No search engine answered. a: It is down. b: No key."
    assert caught.value.status == "unavailable"


async def test_nothing_found_is_an_answer(search) -> None:
    found = await search(a=Scripted([ToolError("found nothing, perhaps", status="nothing")]),
                         b=Scripted([ToolError("No key.", status="refused")]))
    assert (found.engine, found.passages) == ("", ())
    assert set(found.failed) == {"a", "b"}


async def test_an_engine_that_is_down_for_a_moment_is_asked_again(search, clock: Clock) -> None:
    engine = Scripted([ToolError("x", status="unavailable"), ToolError("x", status="timeout"), hits("a")])
    found = await search(engine=engine)
    assert (found.engine, len(engine.asked), clock.slept) == ("engine", 3, [0.5, 1.0])


@pytest.mark.parametrize("status", ["refused", "error", "rate_limited", "missing"])
async def test_an_engine_that_will_not_answer_is_not_asked_again(status: str, search, clock: Clock) -> None:
    engine = Scripted([ToolError("x", status=status)])
    with pytest.raises(ToolError):
        await search(engine=engine)
    assert (len(engine.asked), clock.slept) == (1, [])


async def test_no_time_is_spent_on_tries_that_would_end_too_late(search, clock: Clock) -> None:
    engine = Scripted([ToolError("x", status="unavailable")])
    with pytest.raises(ToolError):
        await search(replace(QUERY, timeout_s=0.4), engine=engine)
    assert (len(engine.asked), clock.slept) == (1, [])


async def test_each_engine_gets_its_share_of_the_time(search) -> None:
    engines = [Scripted([[]]) for _ in range(3)]
    await search(a=engines[0], b=engines[1], c=engines[2])
    shares = [engine.asked[0].timeout_s for engine in engines]
    assert shares[0] <= 10.0
    assert 10.0 < shares[1] <= 15.0
    assert 15.0 < shares[2] <= 30.0


async def test_an_engine_that_hangs_does_not_keep_the_next_from_being_asked(search) -> None:
    async def hang() -> list[Passage]:
        await asyncio.Event().wait()
        return []

    found = await search(replace(QUERY, timeout_s=0.3), hanging=Scripted([hang]), good=Scripted([hits("a")]))
    assert found.engine == "good"
    assert "in time" in found.failed["hanging"]


async def test_an_engine_that_is_faulty_is_named(search) -> None:
    found = await search(faulty=Scripted([KeyError("results")]), good=Scripted([hits("a")]))
    assert found.failed["faulty"] == "it is faulty: it raised KeyError('results')"


# --- how often --------------------------------------------------------------------------------------------------------


async def test_an_engine_is_left_alone_between_requests(search, clock: Clock) -> None:
    engine = Scripted([hits("a")], pause_s=2.0)
    for text in "abc":
        await search(replace(QUERY, text=text), engine=engine)
    assert clock.slept == [2.0, 2.0]
    clock.now += 5.0
    await search(replace(QUERY, text="d"), engine=engine)
    assert clock.slept == [2.0, 2.0]


async def test_turns_are_taken_by_all_at_once(tmp_path: Path, clock: Clock) -> None:
    stores = [Store(tmp_path / "search.sqlite", 60.0, clock) for _ in range(5)]
    waits = await asyncio.gather(*(store.turn("engine", 1.5, 30.0) for store in stores))
    assert sorted(waits) == [0.0, 1.5, 3.0, 4.5, 6.0]
    assert await stores[0].turn("engine", 1.5, 1.0) == 7.5
    assert await stores[1].turn("engine", 1.5, 30.0) == 7.5


async def test_an_engine_that_was_asked_too_often_is_passed_over_until_it_may_be_asked(search, clock: Clock) -> None:
    engine, other = Scripted([RateLimitedError("Too often.", 90.0), hits("a")]), Scripted([hits("b")])
    assert (await search(engine=engine, other=other)).engine == "other"
    clock.now += 30.0
    found = await search(replace(QUERY, text="again"), engine=engine, other=other)
    assert (found.engine, found.failed["engine"]) == ("other", "it may not be asked for 60 s")
    assert len(engine.asked) == 1
    clock.now += 61.0
    assert (await search(replace(QUERY, text="later"), engine=engine, other=other)).engine == "engine"


async def test_nobody_is_barred_for_ever(search, clock: Clock) -> None:
    engine = Scripted([RateLimitedError("Too often.", 9e6), hits("a")])
    with pytest.raises(ToolError):
        await search(engine=engine)
    clock.now += MAX_BARRED_S + 1
    assert (await search(engine=engine)).engine == "engine"
    clock.now -= 1e6  # a clock that was wrong and is set right
    assert (await search(replace(QUERY, text="x"), engine=engine)).engine == "engine"


# --- what was found before --------------------------------------------------------------------------------------------


async def test_what_was_found_is_kept_for_a_while(search, clock: Clock) -> None:
    engine = Scripted([hits("a"), hits("b")])
    first = await search(engine=engine)
    clock.now += 3599.0
    again = await search(replace(QUERY, text="  lighthouse "), engine=engine)
    assert (first.kept, again.kept, again.passages) == (False, True, first.passages)
    clock.now += 2.0
    assert (await search(engine=engine)).passages == tuple(hits("b"))
    assert len(engine.asked) == 2


@pytest.mark.parametrize("other", [{"k": 4}, {"region": "de-de"}, {"since": "day"}, {"safe": "strict"}, {"text": "x"}])
async def test_another_question_is_asked_anew(other: dict[str, Any], search) -> None:
    engine = Scripted([hits("a"), hits("b")])
    await search(engine=engine)
    assert not (await search(replace(QUERY, **other), engine=engine)).kept


async def test_nothing_is_kept_when_the_age_is_0_or_nothing_was_found(search) -> None:
    engine = Scripted([[], hits("a"), hits("b")])
    await search(engine=engine)
    assert not (await search(age_s=0.0, engine=engine)).kept
    assert not (await search(engine=engine)).kept


@pytest.mark.parametrize("spoil", ["folder", "garbage", "readonly"])
async def test_a_disk_that_cant_be_used_is_no_reason_not_to_search(spoil: str, search, tmp_path: Path) -> None:
    path = tmp_path / "web" / "search.sqlite"
    if spoil == "folder":
        path.mkdir(parents=True)
    elif spoil == "garbage":
        path.parent.mkdir()
        path.write_bytes(b"no database " * 1000)
    else:
        (tmp_path / "web").write_text("a file where the folder should be")
    engine = Scripted([hits("a")], pause_s=5.0)
    for _ in range(2):
        found = await search(engine=engine)
        assert (found.engine, found.kept) == ("engine", False)


@pytest.mark.parametrize("kept", ["[" * 100_000, '[{"title": 5, "text": null}]', '{"title": "a"}', "null", '["a"]'])
async def test_what_is_kept_and_is_no_result_is_asked_for_anew(kept: str, search, tmp_path: Path) -> None:
    engine = Scripted([hits("a"), hits("b")])
    await search(engine=engine)
    with closing(sqlite3.connect(tmp_path / "web" / "search.sqlite")) as database, database:
        database.execute("UPDATE found SET passages = ?", (kept,))
    found = await search(engine=engine)
    assert (found.passages, found.kept) == (tuple(hits("b")), False)


async def test_nothing_is_left_on_disk_where_nothing_shall_be(tmp_path: Path, site: Site) -> None:
    chosen = settings(tmp_path / "none", site, journal="memory")
    assert Plugins(chosen).build("tool", "web_search").spec.paths == ()
    assert (await call(chosen, query="Alnes")).ok
    assert not (await call(chosen, query="Alnes")).data["kept"]
    assert not (tmp_path / "none").exists()


async def test_turns_are_taken_without_a_disk_too(clock: Clock) -> None:
    engine = Scripted([hits("a"), RateLimitedError("Too often.", 90.0), hits("a")], pause_s=5.0)
    searching = Searching({"engine": engine}, Store(None, 60.0, clock), clock.sleep)
    await searching.search(QUERY, NoHttp(), NoSecrets())
    with pytest.raises(ToolError, match="Too often"):
        await searching.search(QUERY, NoHttp(), NoSecrets())
    assert clock.slept == [5.0]
    with pytest.raises(ToolError, match="may not be asked for 90 s"):
        await searching.search(QUERY, NoHttp(), NoSecrets())


# --- results that come twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [
    ("https://www.example.org/a/", "http://example.org/a"), ("https://example.org/a#top", "https://EXAMPLE.org/a"),
    ("https://example.org/a?utm_source=x&b=2&gclid=9", "https://example.org:443/a?b=2"),
    ("https://example.org/?b=1&a=2", "https://example.org?a=2&b=1"),
])
def test_addresses_of_one_page(one: str, other: str) -> None:
    assert page_of(one) == page_of(other)


@pytest.mark.parametrize(("one", "other"), [
    ("https://example.org/a", "https://example.org/b"), ("https://example.org/a?id=1", "https://example.org/a?id=2"),
    ("https://example.org/a", "https://example.org:8443/a"), ("https://example.org/A", "https://example.org/a"),
    ("https://a.example.org/", "https://example.org/"),
])
def test_addresses_of_two_pages(one: str, other: str) -> None:
    assert page_of(one) != page_of(other)


def test_results_that_say_the_same_come_once() -> None:
    text = "The lighthouse was built in 1852 and is open to visitors."
    given = [Passage("A", text, "https://a.test/x"), Passage("B", "Other.", "https://a.test/x/"),
             Passage("C", text.upper(), "https://mirror.test/"), Passage("D", "Short.", "https://d.test/"),
             Passage("E", "Short.", "https://e.test/"), Passage("F", "x", "javascript:alert(1)"),
             Passage("G", "x", ""), Passage("H", "x", "http://[::1"), Passage("", "y" * 5000, "https://i.test/p")]
    kept = distinct(given)
    assert [one.title for one in kept] == ["A", "D", "E", "i.test"]
    assert len(kept[-1].text) == 1003


async def test_no_result_is_missing_because_others_came_twice(search) -> None:
    twice = [*hits("a"), *hits("a"), *hits("b", "c", "d")]
    engine = Scripted([twice])
    found = await search(engine=engine)
    assert found.passages == tuple(hits("a", "b", "c"))
    assert engine.asked[0].k > 3


# --- the tool ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/search": shapes.searxng(LIGHTHOUSES)}) as site:
        yield site


def settings(tmp_path: Path, site: Site, **more: Any) -> Settings:
    return load_settings({"data_dir": tmp_path, "searxng_url": site.url(), "search_engines": ("searxng",),
                          "private_hosts": (site.authority,), **more}, environment={})


async def call(settings: Settings, notices: list[str] | None = None, plugins: Plugins | None = None,
               name: str = "web_search", **arguments: Any) -> Any:
    """Call a tool as a run does: with what it declared, watched."""
    plugins = plugins or Plugins(settings)
    tool: Tool = plugins.build("tool", name)
    told = notices if notices is not None else []
    lifecycle = Lifecycle(plugins.implementations, told.append)
    runner = ToolRunner("run", "", lifecycle, (), None, told.append, settings.private_hosts, lambda name: None,
                        settings.data_dir / "work")
    try:
        return await runner.run(tool, ToolCall(name, arguments), "place", ToolContext(None, 20.0))  # type: ignore[arg-type]
    finally:
        await runner.aclose()
        await lifecycle.aclose()


async def test_a_search_as_a_run_makes_it(tmp_path: Path, site: Site) -> None:
    notices: list[str] = []
    seen = await call(settings(tmp_path, site), notices, query="Alnes lighthouse", k=2, since="year")
    assert (seen.status, notices) == ("ok", [])
    lines = [f"[{number}] {title}: {text} ({url})" for number, (title, url, text) in enumerate(LIGHTHOUSES, 1)]
    assert seen.text == "\n".join(lines)
    assert [(one["title"], one["source"], one["text"]) for one in seen.data["passages"]] == LIGHTHOUSES
    assert site.asked[0].query["time_range"] == "year"
    again = await call(settings(tmp_path, site), notices, query="Alnes lighthouse", k=2, since="year")
    assert (again.text, again.data["kept"], len(site.asked), notices) == (seen.text, True, 1, [])


async def test_duckduckgo_as_a_run_asks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ddgs")
    notices: list[str] = []
    with shapes.standing_for_duckduckgo(monkeypatch) as duck:
        chosen = settings(tmp_path, duck, search_engines=("duckduckgo",))
        seen = await call(chosen, notices, query="Alnes lighthouse")
    assert (seen.status, seen.data["engine"], notices) == ("ok", "duckduckgo", [])
    assert sorted(one["url"] for one in seen.data["passages"]) == sorted(url for _, url, _ in LIGHTHOUSES)


async def test_a_page_as_a_run_reads_it(tmp_path: Path, site: Site) -> None:
    pytest.importorskip("trafilatura")
    site.routes["/page"] = Reply(b"<html><body><article><p>The lamp was lit in 1852.</p></article></body></html>",
                                 headers={"Content-Type": "text/html"})
    notices: list[str] = []
    seen = await call(settings(tmp_path, site), notices, name="fetch_page", url=site.url("/page"))
    assert (seen.status, seen.data["text"].strip(), notices) == ("ok", "The lamp was lit in 1852.", [])


async def test_what_failed_is_said_with_the_results(tmp_path: Path, site: Site) -> None:
    seen = await call(settings(tmp_path, site, search_engines=("brave", "searxng")), query="Alnes")
    assert seen.text.splitlines()[-1] == ("(brave: 'web_search' needs the key BRAVE_API_KEY: set it in the "
                                          "environment. These are the results of searxng.)")
    assert seen.data["engine"] == "searxng"


async def test_nothing_found_is_said(tmp_path: Path, site: Site) -> None:
    site.routes["/search"] = shapes.searxng([])
    seen = await call(settings(tmp_path, site), query="Alnes")
    assert (seen.status, seen.text) == ("ok", "Nothing was found.\n(searxng: found nothing.)")


async def test_a_private_address_of_an_engine_must_be_allowed(tmp_path: Path, site: Site) -> None:
    seen = await call(settings(tmp_path, site, private_hosts=()), query="Alnes")
    assert seen.status == "unavailable"
    assert f'private_hosts = ["{site.authority}"]' in seen.text
    assert site.asked == []


@pytest.mark.parametrize("arguments", [{"query": ""}, {"query": "  "}, {"query": "x" * 401}, {"query": "x", "k": 0},
                                       {"query": "x", "k": 99}, {"query": "x", "region": "Germany"},
                                       {"query": "x", "since": "decade"}])
async def test_wrong_arguments_are_told(arguments: dict[str, Any], tmp_path: Path, site: Site) -> None:
    assert (await call(settings(tmp_path, site), **arguments)).status == "error"
    assert site.asked == []


def test_the_tool_declares_what_its_engines_do(tmp_path: Path) -> None:
    spec = Plugins(load_settings({"data_dir": tmp_path, "search_engines": ("duckduckgo", "tavily", "wikipedia")})
                   ).build("tool", "web_search").spec
    assert spec.hosts == ("html.duckduckgo.com", "api.tavily.com", "*.wikipedia.org")
    assert spec.secrets == ("TAVILY_API_KEY",)
    assert spec.paths == (str(tmp_path / "web"),)
    assert not spec.side_effects


@pytest.mark.parametrize(("engines", "error", "said"), [
    (("duckduck",), UnknownNameError, "Did you mean 'duckduckgo'"), ((), ConfigError, "No search engine"),
    (("corpus",), ConfigError, "does not search the web"),
])
def test_engines_that_cant_be_used_are_told(engines: tuple[str, ...], error: type[AgentFixError], said: str) -> None:
    with pytest.raises(error, match=said):
        Plugins(load_settings({"search_engines": engines})).build("tool", "web_search")


def test_engines_are_named_in_the_environment() -> None:
    made = load_settings(environment={"AGENTFIX_SEARCH_ENGINES": "wikipedia,brave"})
    assert made.search_engines == ("wikipedia", "brave")


async def test_the_engine_of_another_plugin_is_used_by_its_name(tmp_path: Path, site: Site) -> None:
    class Strange:
        @hookimpl
        def agentfix_register_search_engines(self, register) -> None:
            register("strange", lambda build: Scripted([hits("strange")]), "a stranger's")

    chosen = settings(tmp_path, site, search_engines=("strange",))
    seen = await call(chosen, plugins=Plugins(chosen, {"stranger": Strange()}), query="x")
    assert seen.data["engine"] == "strange"


async def test_the_engine_of_the_readme_works(tmp_path: Path, site: Site) -> None:
    text = (Path(__file__).parents[2] / "plugins" / "web_search" / "README.md").read_text(encoding="utf-8")
    plugin = types.ModuleType("my_engine")
    exec(text.split("```python\n")[1].split("```")[0], plugin.__dict__)

    class Answering:
        async def get(self, url: str, **options: Any) -> Response:
            found = [{"title": "Alnes", "text": options["params"]["q"], "url": "https://example.org/"}]
            return Response(url, 200, {}, json.dumps(found).encode(), "")

    chosen = settings(tmp_path, site, search_engines=("mine",))
    tool = Plugins(chosen, {"my_engine": plugin}).build("tool", "web_search")
    context = ToolContext(None, 20.0, http=Answering())  # type: ignore[arg-type]
    assert (await tool.run({"query": "lamp"}, context)).text == "[1] Alnes: lamp (https://example.org/)"
    assert tool.spec.hosts == ("search.example.org",)


def test_two_processes_that_keep_results_at_once_lose_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("agentfix_plugins.web_search.store._WAIT_S", 60.0)
    engine = types.SimpleNamespace(hosts=("example.org",))

    async def lost(who: int) -> int:
        store, count = Store(tmp_path / "web.sqlite", 3600.0), 0
        for number in range(20):
            query = WebQuery(f"{who} {number}", 3)
            await store.keep("one", engine, query, [Passage("title", "text", "")])
            count += await store.recall("one", engine, query) is None
        return count

    with ThreadPoolExecutor(4) as threads:  # each with connections of its own, as a process has
        assert list(threads.map(lambda who: asyncio.run(lost(who)), range(4))) == [0] * 4
