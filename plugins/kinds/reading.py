"""Reads programs and numbers out of what models write."""

from __future__ import annotations

import re
from fractions import Fraction

_BLOCK = re.compile(r"```[ \t]*+([^\s`]*+)[^\n`]*+\n(.*?)(?:```|\Z)", re.DOTALL)
_PYTHON = frozenset({"python", "python3", "py"})
_DEFINES = re.compile(r"^(?:def |class |async def |answer[ \t]*=)", re.MULTILINE)
_PLAINLY = re.compile(
    r"^[ \t]*(?:answer[ \t]*=|def |import |from \w+ import |async def \w+\(|class \w+ *[(:]|@\w[\w.]*(?:\(|\n))",
    re.MULTILINE)
_NUMBER = re.compile(
    r"(?<![\w.,])(?:[-+]\s*+)?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)?(?:\.\d*)?(?:(?<=[\d.])e[-+]?\d{1,3})?"
    r"(?:\s*/\s*\d+)?(?![\w,]|\.\d)", re.IGNORECASE)
_CURRENCY = str.maketrans("", "", "$€£¥")
_SCALES = re.compile(
    r"\b(?:million|billion|trillion|thousand|hundred|dozen|minus|half)\b|[½¼¾⅓⅔√π^]|\\[a-z]", re.IGNORECASE)
"""Words and signs that make the number beside them another number."""
_LONGEST = 400
"""Digits beyond this are no answer; converting them would be quadratic."""


def program_in(text: str) -> str | None:
    """The last code block marked as Python, else the last unmarked one, else the whole text if it is plainly a program;
    None otherwise. Models show output in blocks too."""
    blocks = [(mark.lower(), block.strip("\n").rstrip()) for mark, block in _BLOCK.findall(text) if block.strip()]
    marked = [block for mark, block in blocks if mark in _PYTHON] or [block for mark, block in blocks if not mark]
    if marked:
        return ([block for block in marked if _DEFINES.search(block)] or marked)[-1]
    if _PLAINLY.search(text):
        return text.strip("\n").rstrip()
    return None


def number_in(text: str) -> Fraction | None:
    """The number a short text states (`$1,200.50`, `18.0`, `3/4`, `-$2e3`, `40%` is 40); None when it states none,
    several, or one that something beside it changes (`3 million`, `2½`)."""
    if len(text) > _LONGEST or _SCALES.search(text):
        return None
    text = re.sub("[\u2212\u2013]", "-", text).translate(_CURRENCY)
    found = [re.sub(r"[,\s]", "", m.group()) for m in _NUMBER.finditer(text) if any(c.isdigit() for c in m.group())]
    if len(found) != 1 or sum(c.isdigit() for c in text) != sum(c.isdigit() for c in found[0]):
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
    """A number as a person writes it: an integer, or a decimal of at most 15 significant digits, which
    hides what binary floating point adds."""
    if value.denominator == 1:
        return str(value.numerator)
    try:
        return f"{float(value):.15g}"
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
    """Plain text of simple LaTeX; what is not simple stays, so that no number is read out of it."""
    text = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r" \1/\2 ", text)
    text = re.sub(r"\\(?:text|mathrm|mbox)\{[^{}]*\}", "", text)
    text = re.sub(r"\\(?:left|right|quad|,|;|!| )|\{,\}", lambda m: "," if m.group() == "{,}" else "", text)
    return re.sub(r"\\[%$]|[$*]", lambda m: m.group()[1:], text).strip()
