"""What finds passages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that a search found."""

    title: str
    text: str
    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@runtime_checkable
class SearchEngine(Protocol):
    """Finds passages."""

    async def search(self, query: str, k: int) -> list[Passage]:
        """The k best passages for a query, best first."""
        ...
