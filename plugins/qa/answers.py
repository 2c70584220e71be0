"""Short answers: read out of a reply, and compared. Pure."""

from __future__ import annotations

import re

from .quotes import bare, states, words

_NONE = frozenset({"unknown", "none", "not known", "not stated", "i dont know", "not specified", "na", "not mentioned"})


def short(text: str) -> str | None:
    """The answer that a model's reply begins with; None when it gives none."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^(?:the )?(?:final )?answer(?: is)?\s*:?\s*", "", line, flags=re.IGNORECASE)
    line = line.strip(" \t*\"'“”")
    line = line if re.search(r"\b[A-Za-z]\.$", line) else line.removesuffix(".")
    return None if not bare(line) or " ".join(words(line)) in _NONE else line


def agree(a: str, b: str) -> bool:
    """Whether two answers name the same: the same words, one within the other, or a name and its initials."""
    return bare(a) == bare(b) or states(a, b) or states(b, a) or _initials(bare(a), bare(b))


def _initials(a: list[str], b: list[str]) -> bool:
    if len(a) != len(b) or len(a) < 2 or a[-1] != b[-1]:
        return False
    return all(x == y or (min(len(x), len(y)) == 1 and x[0] == y[0]) for x, y in zip(a[:-1], b[:-1], strict=True))
