"""Reads programs and numbers out of what models write."""

from __future__ import annotations

import re
from fractions import Fraction

_BLOCK = re.compile(r"```[ \t]*([^\s`]*)[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_PYTHON = frozenset({"python", "python3", "py"})
_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?(?:\s*/\s*\d[\d,]*)?", re.IGNORECASE)
_LONGEST = 400
"""Digits beyond this are no answer; converting them would be quadratic."""


def program_in(text: str) -> str | None:
    """The last code block marked as Python, else the last unmarked one, else the whole text if it is plainly a program;
    None otherwise. Models show output in blocks too."""
    blocks = [(mark.lower(), block.strip("\n").rstrip()) for mark, block in _BLOCK.findall(text) if block.strip()]
    marked = [block for mark, block in blocks if mark in _PYTHON] or [block for mark, block in blocks if not mark]
    if marked:
        return marked[-1]
    if re.search(r"^[ \t]*(?:answer[ \t]*=|def |import |from \w+ import )", text, re.MULTILINE):
        return text.strip("\n").rstrip()
    return None


def number_in(text: str) -> Fraction | None:
    """The number a short text states (`$1,200.50`, `18.0`, `3/4`, `-$2e3`, `40%` is 40); None when it states none, or
    several."""
    if len(text) > _LONGEST:
        return None
    text = text.replace("\u2212", "-").replace("$", "")
    found = [m.group().replace(",", "").replace(" ", "") for m in _NUMBER.finditer(text)]
    if len(found) != 1:
        return None
    try:
        return Fraction(found[0])
    except (ValueError, ZeroDivisionError):
        pass
    try:
        return Fraction(float(found[0]))
    except (ValueError, OverflowError):
        return None


def plain(value: Fraction) -> str:
    """A number as a person writes it: an integer, or a decimal of at most 10 significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    try:
        return f"{float(value):.10g}"
    except OverflowError:
        return str(round(value))


def conclusion(text: str) -> str | None:
    """What a chain of reasoning concludes: the last `\\boxed{...}` or `answer is ...`; None when it does not say."""
    boxed = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    if boxed:
        return _latex(boxed[-1])
    said = re.findall(r"answer\s*(?:is|:|=)\s*(?::\s*)?([^\n]+)", text, re.IGNORECASE)
    return _latex(said[-1]).strip("*. ") if said else None


def _latex(text: str) -> str:
    text = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\(?:text|mathrm|mbox)\{[^{}]*\}", "", text)
    return re.sub(r"\\[a-zA-Z,;! ]*|[${}*]", "", text).strip()
