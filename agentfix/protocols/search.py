"""What finds passages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from agentfix.protocols.tools import Http, Secrets


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that a search found."""

    title: str
    text: str
    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@runtime_checkable
class SearchEngine(Protocol):
    """Finds passages in what it has at hand."""

    async def search(self, query: str, k: int) -> list[Passage]:
        """The k best passages for a query, best first."""
        ...


@dataclass(frozen=True, slots=True)
class WebQuery:
    """What is searched for in the web, and how."""

    text: str
    k: int
    """How many results are wanted; more or fewer may come."""
    region: str = ""
    """Country and language as DuckDuckGo writes them, such as `uk-en` or `de-de`; empty for any."""
    since: Literal["day", "week", "month", "year"] | None = None
    """How old a page may be."""
    safe: Literal["off", "moderate", "strict"] = "moderate"
    """How strictly results for adults are left out."""
    timeout_s: float = 10.0


@runtime_checkable
class WebEngine(Protocol):
    """A search engine of the web. It is used by a tool, which declares what it declares and passes on what it is given.
    """

    @property
    def hosts(self) -> tuple[str, ...]:
        """Whom it asks, as in `ToolSpec.hosts`."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the keys that it needs."""
        ...

    @property
    def pause_s(self) -> float:
        """How long it wants to be left alone after a request, in seconds."""
        ...

    async def search_web(self, query: WebQuery, http: Http, secrets: Secrets) -> list[Passage]:
        """The best results, best first, each with its address.

        Raises:
            ToolError: it can't answer. With the status `timeout` or `unavailable` it is asked again soon, with
                `rate_limited` not for a while.
        """
        ...
