"""What a server says, as text that may be shown: bounded, and without characters that steer a terminal or hide."""

from __future__ import annotations

import unicodedata

CUT = " [...]"
_KEPT = frozenset("\n\t")
_LEFT_OUT = frozenset({"Cc", "Cf", "Cs", "Co"})
"""Control and format characters (direction, zero width, tags), surrogates, private use."""


def shown(text: str, limit: int) -> str:
    """The text without such characters, cut to a number of characters."""
    kept = "".join(c for c in text[:2 * limit] if c in _KEPT or unicodedata.category(c) not in _LEFT_OUT).strip()
    return kept if len(kept) <= limit and len(text) <= 2 * limit else kept[:limit] + CUT


def line(text: str, limit: int = 300) -> str:
    """The same on one line."""
    return " ".join(shown(text, limit).split())
