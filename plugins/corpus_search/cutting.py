"""Cuts texts into passages on the borders of paragraphs and sentences, and says where each one stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FULL_WORDS = 100
"""A passage of so many words ends with its paragraph."""
MAX_WORDS = 150
"""A passage ends before the sentence that would make it longer."""
WHOLE_WORDS = 300
"""A record up to so long is one passage."""
LONG_WORD = 8
"""Where words are longer than so many characters, or not told apart by spaces, so many characters count as one."""
_PARAGRAPH = re.compile(r"[^\S\n]*\n(?:[^\S\n]*\n)+")
_SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\W_a-z])|(?<=[。！？])")
_BORDERS = (_SENTENCE, re.compile(r"\n"), re.compile(r"\s+|\S{400}"))


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document that has a title of its own, or a record of a file of records."""

    title: str
    text: str
    start: int = 0
    """Where it begins in the document's text, in characters."""
    place: str = ""
    """What is added to the path to say where it stands: `:17` for a row, `#page=3` for a page."""
    url: str = ""
    record: bool = False
    """It is one passage, unless it is very long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage of a document: `document[start:end] == text`."""

    title: str
    text: str
    start: int
    end: int
    place: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    words: int


def cut(section: Section) -> Iterator[Piece]:
    """The passages of a section, in order; none when it has no text."""
    text = section.text
    whole = _span(text, 0, len(text))
    if whole is None:
        return
    spans = [whole] if section.record and whole.words <= WHOLE_WORDS else _packed(text, whole)
    for span in spans:
        yield Piece(section.title, text[span.start:span.end], section.start + span.start, section.start + span.end,
                    section.place, section.url)


def _packed(text: str, whole: _Span) -> Iterator[_Span]:
    """Sentences put together until they are a passage."""
    held: _Span | None = None
    for paragraph in _between(_PARAGRAPH, text, whole):
        for part in _parts(text, paragraph, _BORDERS):
            if held is not None and held.words + part.words > MAX_WORDS:
                yield held
                held = None
            held = part if held is None else _Span(held.start, part.end, held.words + part.words)
        if held is not None and held.words >= FULL_WORDS:
            yield held
            held = None
    if held is not None:
        yield held


def _parts(text: str, span: _Span, borders: tuple[re.Pattern[str], ...]) -> Iterator[_Span]:
    """The sentences of a paragraph; of one too long for a passage its lines, and of such a line its words."""
    first, *rest = borders
    for part in _between(first, text, span):
        if part.words > MAX_WORDS and rest:
            yield from _parts(text, part, tuple(rest))
        else:
            yield part


def _between(border: re.Pattern[str], text: str, span: _Span) -> Iterator[_Span]:
    """What stands between borders, without white space around it."""
    start = span.start
    for match in border.finditer(text, span.start, span.end):
        if part := _span(text, start, match.end()):
            yield part
        start = match.end()
    if part := _span(text, start, span.end):
        yield part


def _span(text: str, start: int, end: int) -> _Span | None:
    part = text[start:end]
    stripped = part.strip()
    if not stripped:
        return None
    begin = start + len(part) - len(part.lstrip())
    words = max(len(stripped.split()), len(stripped) // LONG_WORD)
    return _Span(begin, begin + len(stripped), words)
