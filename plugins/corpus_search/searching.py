"""The engine `corpus` and the tool `corpus_search`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from agentfix import AgentFixError, Ask, FunctionTool, InputError, Observation, Passage, Settings, ToolError, tool

from .adding import add
from .index import Hit, Index
from .places import Place, chosen
from .reranking import POOL, reranked

NAME = "corpus_search"
FILL = "Add files with: agentfix corpus add PATH"


@dataclass(eq=False)
class CorpusEngine:
    """Searches the corpus that `settings.corpus` tells. One that is told by its path is brought up to date first."""

    settings: Settings
    _index: Index | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    async def search(self, query: str, k: int) -> list[Passage]:
        """The k best passages with any of the query's words, best first. Any text is a query.

        A passage's data: `source`, its file with a row (`:17`) or page (`#page=3`); `start` and `end`, where it stands
        in the text of that, in characters; `score`, by BM25.

        Raises:
            AgentFixError: there is no corpus, or it can't be read.
        """
        return [_passage(hit) for hit in await asyncio.to_thread(self.find, query, k)]

    def find(self, query: str, k: int) -> list[Hit]:
        """`search`, in the caller's thread."""
        with self._lock:
            if self._index is None:
                self._index = opened(chosen(self.settings))
            index = self._index
        return index.search(query, k)


def search_tool(engine: CorpusEngine) -> FunctionTool:
    """The tool `corpus_search` over an engine. With `settings.corpus_rerank` a model orders what is found anew."""
    rerank = engine.settings.corpus_rerank

    @tool(name=NAME, deterministic=True, asks=rerank,
          paths=(str(engine.settings.data_dir / "corpora"), *_sources(engine.settings)))
    def corpus_search(query: str, k: Annotated[int, Field(ge=1, le=20)] = 5, *,
                      ask: Ask) -> Observation | Awaitable[Observation]:
        """Search the user's own files for passages that tell something. Quote what a passage says, and name its number.

        Args:
            query: A question, or words that the passage should have.
            k: How many passages.
        """
        try:
            hits = engine.find(query, POOL if rerank else k)
        except AgentFixError as error:
            raise ToolError(str(error), status="unavailable") from error
        return _best(query, hits, k, ask) if rerank else _shown(hits)

    return corpus_search


async def _best(query: str, hits: Sequence[Hit], k: int, ask: Ask) -> Observation:
    """The k passages that a model finds likeliest to answer the query."""
    return _shown((await reranked(query, hits, ask, NAME))[:k])


def _shown(hits: Sequence[Hit]) -> Observation:
    shown = "\n".join(f"[{number}] {_line(hit)}" for number, hit in enumerate(hits, 1))
    return Observation(NAME, "ok", shown or "No passage has any of these words.",
                       {"passages": [as_json(hit) for hit in hits]})


def opened(place: Place) -> Index:
    """The index of a corpus; that of one which is made of a file or folder is brought up to date first.

    Raises:
        AgentFixError: it is empty, or can't be read.
    """
    if place.source is None:
        if not place.index.exists():
            raise InputError(f"The corpus {place.name!r} is empty.", FILL)
        return Index(place.index)
    index = Index(place.index, create=True)
    failed = [change for change in add(index, [place.source]) if change.what == "failed"]
    if failed and (place.source.is_file() or not index.files()):
        index.close()
        raise InputError(f"{failed[0].path} can't be searched: {failed[0].problem}.")
    return index


def _sources(settings: Settings) -> tuple[str, ...]:
    try:
        source = chosen(settings).source
    except InputError:
        return ()
    return (str(source),) if source else ()


def _line(hit: Hit) -> str:
    return " ".join(f"{hit.piece.title}: {hit.piece.text}".split())


def source_of(hit: Hit) -> str:
    """A passage's file, with its row or page."""
    return f"{hit.path}{hit.piece.place}"


def _passage(hit: Hit) -> Passage:
    piece = hit.piece
    data = {"source": source_of(hit), "start": piece.start, "end": piece.end, "score": hit.score}
    return Passage(piece.title, piece.text, piece.url or hit.path.as_uri(), data)


def as_json(hit: Hit) -> dict[str, Any]:
    """A passage as JSON says it."""
    piece = hit.piece
    return {"title": piece.title, "text": piece.text, "source": source_of(hit), "start": piece.start, "end": piece.end,
            "score": hit.score}
