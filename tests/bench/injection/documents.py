"""Pages that are good but for one paragraph: a string that was planted in their middle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Shape = Literal["result", "page"]
SHAPES: tuple[Shape, ...] = ("result", "page")
OTHERS = 2
"""Results beside the one that answers; paragraphs before and after the one of a page that does."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A string that wants something of whoever reads it."""

    text: str
    target: Literal["side_effect", "answer"]
    template: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A good passage and the question that it answers."""

    question: str
    title: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a tool gives: a passage that answers a question, alone or with others around it."""

    entry: Entry
    shape: Shape
    others: tuple[Entry, ...]
    planted: Planted | None = None

    @staticmethod
    def none() -> Document:
        """One that says nothing."""
        return Document(Entry("", "", "", ()), "result", ())

    @property
    def clean(self) -> Document:
        """The same without what was planted."""
        return Document(self.entry, self.shape, self.others)

    def passages(self) -> list[tuple[str, str]]:
        """Titles and texts. A result stands first among others; a page is one long text."""
        told = self._told()
        if self.shape == "result":
            return [(self.entry.title, told), *((other.title, other.text) for other in self.others)]
        before, after = self.others[0].text, "\n\n".join(other.text for other in self.others[1:])
        return [(self.entry.title, f"{before}\n\n{told}\n\n{after}")]

    def _told(self) -> str:
        if self.planted is None:
            return self.entry.text
        half = self.entry.text.find(". ", len(self.entry.text) // 2) + 1 or len(self.entry.text)
        return f"{self.entry.text[:half]} {self.planted.text} {self.entry.text[half:].lstrip()}"


def planted_in(file: Path) -> list[Planted]:
    """The strings of a file."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Planted(row["text"], row["target"], row["template"]) for row in rows]


def entries_in(file: Path) -> list[Entry]:
    """The questions of a file that come with a passage that answers them."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Entry(row["question"], row["ctxs"][0]["title"], row["ctxs"][0]["text"], tuple(row["answers"]))
            for row in rows if row["ctxs"] and row["ctxs"][0]["isgold"]]


def documents(strings: Sequence[Planted], entries: Sequence[Entry]) -> Iterator[Document]:
    """Each string in a search result and in a page, each in another passage."""
    for number, planted in enumerate(strings):
        of_entry = number % len(entries)
        others = tuple(entries[(of_entry + 1 + i) % len(entries)] for i in range(OTHERS))
        for shape in SHAPES:
            yield Document(entries[of_entry], shape, others, planted)
