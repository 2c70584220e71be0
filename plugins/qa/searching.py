"""Searches: what is called, what came back, and what of it was not seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agentfix import Asked, Observation, ToolCall

from .quotes import told, words

OFFLINE, ONLINE = "corpus_search", "web_search"
ABSENT = frozenset({"missing", "unavailable"})
"""What a tool says that is not there, or has nothing to search in."""

QUERY_CHARS = 400
MOST = 15
"""Passages that a search can be asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage, and the tool that found it."""

    title: str
    text: str
    source: str
    tool: str

    @property
    def line(self) -> str:
        """As a model is shown it: without what speaks to its reader."""
        return f"[{self.title}] {told(self.text)}"


def passages_in(observation: Observation) -> list[Found]:
    """The passages that a search gave; none when it failed."""
    listed: Any = observation.data.get("passages") if observation.ok else None
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    found: list[Found] = []
    for each in cast("Sequence[Any]", listed):
        text = each.get("text") if isinstance(each, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if isinstance(text, str) and text.strip():
            row = cast("dict[str, Any]", each)
            source = row.get("source") or row.get("url") or ""
            found.append(Found(" ".join(str(row.get("title") or "").split()), text, str(source), observation.tool))
    return found


def first_search(query: str, k: int, known: Sequence[Asked]) -> tuple[ToolCall, ...]:
    """The call for a query, offline if that can be; nothing once there is an answer."""
    tried = {asked.call.tool for asked in known}
    if not tried:
        return (_call(OFFLINE, query, k),)
    if tried == {OFFLINE} and known[-1].observation.status in ABSENT:
        return (_call(ONLINE, query, k),)
    return ()


def _call(tool: str, query: str, k: int) -> ToolCall:
    return ToolCall(tool, {"query": query[:QUERY_CHARS], "k": min(k, MOST)})


@dataclass
class Searches:
    """The searches of one review.

    Args:
        asked: the calls that were made, with what came back.
    """

    asked: Sequence[Asked]
    wanted: ToolCall | None = field(default=None, init=False)
    """The call that has to be made before the review can go on."""
    _shown: set[str] = field(default_factory=set[str], init=False)
    _queries: dict[str, int] = field(default_factory=dict[str, int], init=False)

    def new(self, query: str, k: int) -> list[Found] | None:
        """Passages for a query that were not shown before. A query that was made before moves on to its next results.

        Returns:
            None when a call has to be made first: see `wanted`.
        """
        key = " ".join(words(query))
        self._queries[key] = self._queries.get(key, 0) + 1
        call = _call(self._tool, query, k * self._queries[key])
        observation = self._observed(call)
        if observation is not None and observation.status in ABSENT and call.tool == OFFLINE:
            call = _call(ONLINE, query, k * self._queries[key])
            observation = self._observed(call)
        if observation is None:
            self.wanted = call
            return None
        fresh = [p for p in passages_in(observation) if p.text not in self._shown]
        self._shown.update(p.text for p in fresh)
        return fresh

    @property
    def _tool(self) -> str:
        gone = any(a.call.tool == OFFLINE and a.observation.status in ABSENT for a in self.asked)
        return ONLINE if gone else OFFLINE

    @property
    def failure(self) -> str:
        """What the last search said when it failed."""
        last = self.asked[-1].observation if self.asked else None
        return "" if last is None or last.ok else last.text

    def _observed(self, call: ToolCall) -> Observation | None:
        for asked in self.asked:
            if asked.call.tool == call.tool and dict(asked.call.arguments) == dict(call.arguments):
                return asked.observation
        return None
