"""The tool: its arguments, and its results as text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from agentfix import (
    Build,
    ConfigError,
    Deadline,
    FunctionTool,
    Http,
    Observation,
    Secrets,
    ToolError,
    WebEngine,
    WebQuery,
    tool,
)

from .searching import Found, Searching, told
from .store import Store

NAME = "web_search"
MAX_QUERY_CHARS = 400


def web_search_tool(build: Build, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> FunctionTool:
    """The tool `web_search` over the engines that the settings name.

    Args:
        build: has the settings, and makes the engines.
        sleep: waits for so many seconds, for an engine's turn and before another try.

    Raises:
        UnknownNameError: there is no engine of that name.
        ConfigError: there is none at all, or one that does not search the web.
    """
    settings = build.settings
    engines = {name: _engine(build, name) for name in settings.search_engines}
    if not engines:
        raise ConfigError("No search engine is set.", "Name one in search_engines, or disable the plugin web_search.")
    folder = None if settings.journal == "memory" else settings.data_dir / "web"
    searching = Searching(engines, Store(folder and folder / "search.sqlite", settings.search_age_s), sleep)
    hosts = tuple(dict.fromkeys(host for engine in engines.values() for host in engine.hosts))
    secrets = tuple(dict.fromkeys(key for engine in engines.values() for key in engine.secrets))

    @tool(name=NAME, hosts=hosts, secrets=secrets, paths=(str(folder),) if folder else ())
    async def web_search(
        query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARS)],
        k: Annotated[int, Field(ge=1, le=15)] = 5,
        region: Annotated[str, Field(pattern=r"^([a-z]{2}-[a-z]{2})?$")] = "",
        since: Literal["day", "week", "month", "year"] | None = None,
        *, http: Http, keys: Secrets, deadline: Deadline,
    ) -> Observation:
        """Search the web. Returns numbered passages with titles and addresses; fetch_page reads a page whole.

        Args:
            query: Words that the page should have, or a question.
            k: How many results.
            region: Country and language of the results, such as us-en or de-de.
            since: How old a page may be.
        """
        if not query.strip():
            raise ToolError("The query is empty.")
        asked = WebQuery(query.strip(), k, region, since, settings.safe_search, deadline)
        return _observed(await searching.search(asked, http, keys))

    return web_search


def _engine(build: Build, name: str) -> WebEngine:
    engine = build.part("search_engine", name)
    if not isinstance(engine, WebEngine):
        raise ConfigError(f"The search engine {name!r} does not search the web.",
                          "Take it out of search_engines; it has a tool of its own.")
    return engine


def _observed(found: Found) -> Observation:
    lines = [f"[{number}] {passage.title}: {passage.text} ({passage.url})"
             for number, passage in enumerate(found.passages, 1)]
    if not lines:
        lines.append("Nothing was found.")
    if found.failed:
        lines.append(f"({told(found.failed)}{f' These are the results of {found.engine}.' if found.engine else ''})")
    passages = [{"title": one.title, "text": one.text, "source": one.url, "url": one.url} for one in found.passages]
    data: dict[str, Any] = {"engine": found.engine, "passages": passages, "failed": dict(found.failed),
                            "kept": found.kept}
    return Observation(NAME, "ok", "\n".join(lines), data)
