"""Evidence lines: the sentences of passages that share most with a question. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .quotes import QUOTE_CHARS, Quote, cut, statements, words
from .searching import Found

LATER = 0.3
"""What a line loses for each place that its passage stands further down in the results, in words of the question."""
_COMMON = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "by", "with", "as", "and", "or", "is", "are",
    "was", "were", "be", "been", "being", "do", "does", "did", "has", "have", "had", "can", "could", "will",
    "would", "shall", "should", "may", "might", "must", "who", "whom", "whose", "what", "when", "where", "which",
    "why", "how", "many", "much", "it", "its", "this", "that", "these", "those", "their", "his", "her", "he",
    "she", "they", "there", "i", "me", "my", "we", "our", "you", "your",
))
"""Words that say nothing of what a question is about."""
_ENDINGS = ("ing", "ed", "es", "s")


def content(text: str) -> list[str]:
    """The words of a text that say what it is about, without their endings."""
    return [_stem(word) for word in words(text) if word not in _COMMON]


def evidence_lines(question: str, passages: Sequence[Found], n: int) -> list[Quote]:
    """The n statements that share most words with a question, best first.

    Args:
        question: what is asked.
        passages: in the order in which a search gave them; what comes first counts more.
        n: how many.
    """
    wanted = set(content(question))
    ranked: list[tuple[float, Quote]] = []
    seen: set[str] = set()
    for place, passage in enumerate(passages):
        for sentence in statements(passage.text):
            text = cut(sentence, question) if len(sentence) > QUOTE_CHARS else sentence
            if text in seen:
                continue
            seen.add(text)
            shared = len(wanted & set(content(f"{passage.title} {text}")))
            ranked.append((shared - LATER * place, Quote(text, passage.title, passage.source, passage.tool)))
    return [quote for _, quote in sorted(ranked, key=lambda each: -each[0])[:n]]


def _stem(word: str) -> str:
    ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) >= 3), "")
    return word.removesuffix(ending)
