"""Makes text from models, tools and files safe to show: no control character reaches a terminal, nothing is endless."""

from __future__ import annotations

_KEPT = "\n\t"
_INVISIBLE = (*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
"""C1 controls (terminals obey them like escapes), line separators, and marks that reorder the text around them."""
_TABLE = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT},
    0x7F: "\u2421",
    **{code: f"\\u{code:04x}" for code in _INVISIBLE},
}


def visible(text: str) -> str:
    """The text with control characters shown as symbols (ESC as `␛`) and lone surrogates as escapes."""
    shown = text.replace("\r\n", "\n").translate(_TABLE)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    """The text made visible, with every run of white space as one space."""
    return " ".join(visible(text).split())


def bounded(text: str, *, lines: int = 20, characters: int = 2000) -> str:
    """The head of a text, made visible, with a last line that says what was left out.

    Args:
        lines: how many lines are kept.
        characters: how many characters are kept.
    """
    head = "\n".join(text[:characters].splitlines()[:lines])
    left_out = len(text.rstrip()) - len(head.rstrip())
    return visible(head) + (f"\n... {left_out:,} more characters" if left_out > 0 else "")
