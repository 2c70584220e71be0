"""The tool `web_search`, and the search engines that it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool, WebEngine


def _web_search(build: Build) -> Tool:
    from .tool import web_search_tool  # noqa: PLC0415 - nothing is imported before the name is used

    return web_search_tool(build)


def _duckduckgo(build: Build) -> WebEngine:
    from .engines.duckduckgo import DuckDuckGo  # noqa: PLC0415

    return DuckDuckGo()


def _wikipedia(build: Build) -> WebEngine:
    from .engines.wikipedia import Wikipedia  # noqa: PLC0415

    return Wikipedia()


def _searxng(build: Build) -> WebEngine:
    from .engines.searxng import SearXng  # noqa: PLC0415

    return SearXng(build.settings.searxng_url)


def _brave(build: Build) -> WebEngine:
    from .engines.brave import Brave  # noqa: PLC0415

    return Brave()


def _tavily(build: Build) -> WebEngine:
    from .engines.tavily import Tavily  # noqa: PLC0415

    return Tavily()


@hookimpl
def agentfix_register_search_engines(register: Register) -> None:
    register("duckduckgo", _duckduckgo, "DuckDuckGo, through ddgs")
    register("wikipedia", _wikipedia, "Wikipedia's own search")
    register("searxng", _searxng, "SearXNG, at searxng_url")
    register("brave", _brave, "Brave Search, with the key BRAVE_API_KEY")
    register("tavily", _tavily, "Tavily, with the key TAVILY_API_KEY")


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("web_search", _web_search, "searches the web with the engines of search_engines")
