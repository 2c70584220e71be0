"""Plausibility: what can be told of an answer without looking anything up. Pure."""

from __future__ import annotations

import re

from .quotes import words

_NUMBER = re.compile(r"\d|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
                     r"fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
                     r"ninety|hundred|thousand|million|billion|dozen|once|twice|none|no)\b", re.IGNORECASE)
_COUNTS = re.compile(r"\bhow (?:many|old|tall|far)\b|\b(?:what|which) year\b", re.IGNORECASE)
_PERSON = re.compile(r"^(?:who|whom)\b", re.IGNORECASE)
_OPTIONS = re.compile(r"\bor\b", re.IGNORECASE)


def implausible(question: str, answer: str) -> str:
    """What is wrong with an answer on the face of it, in a sentence; empty when nothing is."""
    said = set(words(answer))
    asked = set(words(question))
    if said <= asked and not _OPTIONS.search(question):
        return f"{answer!r} only repeats the question"
    if _COUNTS.search(question) and not _NUMBER.search(answer):
        return f"a number is asked for, and {answer!r} is none"
    if _PERSON.search(question.strip()) and re.fullmatch(r"[\d\s.,%$-]+", answer):
        return f"a person is asked for, and {answer!r} is a number"
    return ""
