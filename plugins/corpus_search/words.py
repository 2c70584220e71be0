"""Which words of a text can be found, and which words of a question are looked for."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_TERMS = 64
"""Of longer queries the longest words count, which are mostly the rarest."""
_STOP_WORDS = """
    a about above after again against all am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further had has have having he her here hers him his how i
    if in into is it its itself just me more most my no nor not now of off on once only or other our out over own same
    she should so some such than that the their them then there these they this those through to too under until up very
    was we were what when where which while who whom whose why will with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_POSSESSIVE = re.compile(r"['’]s\b")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Scripts without spaces between words: their characters are indexed one by one, and found in pairs."""
_UNSPACED_CHARACTER = re.compile(f"([{_UNSPACED}])")
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")


def searchable(text: str) -> str:
    """A text as it is indexed: one spelling of each character, `U.S.` as `us`, `Ann's` as `ann`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _INITIALS.sub(lambda match: match[0].replace(".", ""), _POSSESSIVE.sub(" ", plain))
    return plain if plain.isascii() else _UNSPACED_CHARACTER.sub(r" \1 ", plain)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, as FTS5 expressions; empty ones find nothing."""

    words: str
    """Any of the words."""
    phrases: str
    """Any two of them that stand side by side in the query."""


def read_query(text: str) -> Query:
    """Read a query of any kind: a question, words, a claim.

    Words that say nothing are left out, unless there are no others.
    """
    runs = _UNSPACED_RUN.findall(unicodedata.normalize("NFKC", text))
    pairs = [" ".join(run[i:i + 2]) for run in runs for i in range(max(1, len(run) - 1))]
    words = _words(searchable(text))
    silent = STOP_WORDS if pairs or set(words) - STOP_WORDS else frozenset[str]()
    told = [word not in silent and not _UNSPACED_RUN.fullmatch(word) for word in words]
    terms = list(dict.fromkeys([*itertools.compress(words, told), *pairs]))
    if len(terms) > MAX_TERMS:
        terms = sorted(terms, key=len, reverse=True)[:MAX_TERMS]
    phrases = [f"{first} {second}" for (first, second), both in
               zip(itertools.pairwise(words), itertools.pairwise(told), strict=True) if all(both)]
    return Query(_any_of(terms), _any_of(dict.fromkeys(phrases)))


def same_words(text: str) -> str:
    """What two texts have in common that differ in case, spaces and punctuation only."""
    return "".join(filter(str.isalnum, text.casefold()))


def _any_of(terms: Iterable[str]) -> str:
    return " OR ".join(f'"{term}"' for term in itertools.islice(terms, MAX_TERMS))


def _words(text: str) -> list[str]:
    """Runs of letters, numbers and marks: what the index takes for a word."""
    return "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text).split()
