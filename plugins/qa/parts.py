"""The parts of an answer that lists several things. Pure."""

from __future__ import annotations

import re

from .quotes import bare, words

MOST = 6
"""A longer list is judged as a whole only."""
_JOINTS = re.compile(r"\s*[;\n]\s*(?:and\s+)?|,?\s+(?:and|&|as well as)\s+", re.IGNORECASE)
_COMMA = re.compile(r",\s+")
_NUMBERS = frozenset((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion", "half", "quarter",
))


def parts_of(answer: str) -> list[str]:
    """What an answer lists: `A and B`, `A; B`, `A, B, C`; the answer alone when it lists nothing.

    One comma makes no list (`Paris, France`), nor is a date or a number one (`May 4, 1804`, `two and a half`). A name
    may look like a list (`Simon & Garfunkel`): who asks looks for the whole first.
    """
    answer = re.sub(r"^both\s+", "", answer.strip(), flags=re.IGNORECASE)
    joined = _told(_JOINTS.split(answer))
    every = _told([part for piece in joined for part in _COMMA.split(piece)])
    for parts in (every if len(every) > 2 else [], joined):
        if 1 < len(parts) <= MOST and _are_alike(parts):
            return parts
    return [answer]


def _told(parts: list[str]) -> list[str]:
    """Those that say something, each once."""
    distinct = {" ".join(bare(part)): part.strip() for part in parts}
    return [part for said, part in distinct.items() if said]


def _are_alike(parts: list[str]) -> bool:
    """Whether no part is a bare number, or all are figures, and none is torn out of quotation marks or brackets."""
    if any(part.count('"') % 2 or part.count("(") != part.count(")") for part in parts):
        return False
    return all(all(word.isdigit() for word in words(part)) for part in parts) or not any(map(_is_number, parts))


def _is_number(part: str) -> bool:
    return all(word.isdigit() or word in _NUMBERS for word in bare(part))
