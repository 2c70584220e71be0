"""Quotes: whether a passage holds one word for word, and which of its sentences state an answer. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from agentfix import instructions_in

QUOTE_CHARS = 400
"""Evidence lines are cut to it (CRITIC, appendix D)."""
_SAME = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}
_END = re.compile(r"[.!?][\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]?[A-Z0-9])")
_SHORTENED = re.compile(r"\b(?:[A-Za-z]{1,2}|Mrs|Rev|Gen|Col|Sgt|Lieut|Prof|Inc|Ltd|Bros|Capt|Gov|Sen|Rep|Hon|vol|etc|"
                        r"approx|[A-Z]\.[A-Z])\.\s+$")
"""What ends in a full stop and does not end a sentence."""

_JOINED = re.compile(r"(?<=\w)['\u2019]s\b|(?<=\w)['\u2019](?=\w)|(?<=\d),(?=\d{3})")
"""What is no part of a word, or no border between two: `Ann's`, `O'Hara`, `1,204`."""

_INSIDE = tuple((re.compile(before + r"\Z"), re.compile(after)) for before, after in (
    (r"\w", r"[\w\u0300-\u036f]"), (r"\d", r"[.,]\d"), (r"\d[.,]", r"\d")))
"""What stands before and after a place inside a word or a number."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b(?!\.)", re.IGNORECASE)


def find_quote(quote: str, passage: str, *, whole: bool = False) -> str | None:
    """The part of a passage that a quote repeats, as the passage has it.

    White space, quotation marks and dashes may be written in another way; nothing else may.

    Args:
        quote: what the passage is said to hold.
        passage: the whole of it.
        whole: a part that begins or ends within a word or a number is none: `1,000` does not say `1`.

    Returns:
        None when the passage does not hold it, or the quote says nothing.
    """
    wanted, _ = _plain(quote)
    wanted = wanted.strip()
    if not wanted:
        return None
    text, origins = _plain(passage)
    at = text.find(wanted)
    while whole and at >= 0 and (_within(text, at) or _within(text, at + len(wanted))):
        at = text.find(wanted, at + 1)
    if at < 0:
        return None
    return passage[origins[at]: origins[at + len(wanted) - 1] + 1]


def _within(text: str, at: int) -> bool:
    """Whether a place is inside a word or a number."""
    around = text[max(at - 2, 0):at], text[at:at + 2]
    return any(before.search(around[0]) and after.match(around[1]) for before, after in _INSIDE)


def _plain(text: str) -> tuple[str, list[int]]:
    """A text with its white space, quotes and dashes made alike, and where each character came from."""
    plain: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        same = " " if character.isspace() else _SAME.get(character, character)
        if same == " " and plain and plain[-1] == " ":
            origins[-1] = index
            continue
        plain.append(same)
        origins.append(index)
    return "".join(plain), origins


def words(text: str) -> list[str]:
    """The words of a text without case, accents and punctuation."""
    # What stands above or as a fraction is no digit of the number before it: 10² is not 102.
    apart = "".join(f" {c} " if unicodedata.category(c) == "No" else c for c in text.casefold())
    flat = unicodedata.normalize("NFKD", apart)
    flat = "".join(c for c in flat if not unicodedata.combining(c))
    return re.findall(r"\w+", _JOINED.sub("", flat))


def bare(text: str) -> list[str]:
    """The words of a text without its articles; an initial is none."""
    return words(_ARTICLES.sub(" ", text))


def states(answer: str, text: str) -> bool:
    """Whether a text holds the words of an answer, in a row."""
    wanted = bare(answer)
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(bare(text))} "


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each a part of it as it stands."""
    start = 0
    for end in _END.finditer(text):
        if not _SHORTENED.search(text[start: end.end()]):
            yield text[start: end.end()].strip()
            start = end.end()
    if text[start:].strip():
        yield text[start:].strip()


def statements(text: str) -> Iterator[str]:
    """The sentences of a text that state something, each a part of it as it stands. Orders, questions and talk to a
    reader or an assistant do not, so that they are no evidence."""
    return (sentence for part in _telling(text) for sentence in sentences(part))


def told(text: str) -> str:
    """A text without what speaks to its reader."""
    parts = _telling(text)
    return text if len(parts) == 1 else " ".join(filter(None, (part.strip() for part in parts)))


def _telling(text: str) -> list[str]:
    """The parts of a text between those that speak to its reader."""
    spans = instructions_in(text)
    begins, ends = [0, *(end for _, end in spans)], [*(begin for begin, _ in spans), len(text)]
    return [text[begin:end] for begin, end in zip(begins, ends, strict=True)]


def quotes_of(answer: str, passage: str) -> list[str]:
    """The statements of a passage that hold an answer, cut around it where they are long."""
    return [cut(sentence, answer) for sentence in statements(passage) if states(answer, sentence)]


def cut(sentence: str, answer: str) -> str:
    """At most QUOTE_CHARS of a sentence, at the borders of words: with the answer in it, if it holds one."""
    if len(sentence) <= QUOTE_CHARS:
        return sentence
    borders = [0, *(m.end() for m in re.finditer(r"\s+", sentence)), len(sentence)]
    parts = [sentence[start: max((b for b in borders if b <= start + QUOTE_CHARS), default=start)] for start in borders]
    holding = [part for part in parts if states(answer, part)]
    middle = next((part for part in holding if not states(answer, part[: len(part) // 4])), None)
    return (middle or next(iter(holding), sentence[:QUOTE_CHARS])).strip()


@dataclass(frozen=True, slots=True)
class Quote:
    """What a passage says, word for word."""

    text: str
    title: str
    source: str
    tool: str = ""
    """What found it."""

    @property
    def line(self) -> str:
        """As a critic shows it."""
        return f"[{self.title}] {self.text}"
