"""Replays the calculations that a text states."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_TERM = r"(?:\$\s*)?-?\d[\d,]{0,19}+(?:\.\d{1,20})?+"
_STEP = re.compile(
    rf"(?<![\w.,:)\-+*/^=])({_TERM})((?:\s*[-+*/]\s*{_TERM}){{1,12}}+)\s*=\s*({_TERM})(?![\d,.]*\d|\s*[-+*/^(%])"
)
_CONTINUES = re.compile(r"[^\s\-+*/][^\S\n]*[-+*/^]+\s*$")
"""Ends what stands before numbers that are the tail of a longer expression; an operator that begins a line is the mark
of a list."""
_PART = re.compile(rf"([-+*/])\s*({_TERM})")
_WORDS = re.compile(r"\\(?:times|cdot)")
_NOISE = re.compile(r"\\(?:text|mathrm)\{[^{}]*\}|\\[,;! ]|\\\(|\\\)|\\\[|\\\]")
LONGEST = 20_000
ROUNDING = Fraction(1, 100)
"""Relative: people and models round."""


def wrong_calculation(text: str) -> str | None:
    """The first equation of plain numbers in a text that does not hold, with what it comes to; None when all hold.

    Only sums and products of decimal numbers are read, with `*` and `/` before `+` and `-`; anything else is passed
    over.
    """
    text = _NOISE.sub(" ", _WORDS.sub("*", text[:LONGEST])).replace("÷", "/").replace("×", "*")
    for found in _STEP.finditer(text):
        if _CONTINUES.search(text, max(0, found.start() - 40), found.start()):
            continue
        said = _number(found[3])
        value = _evaluate(found[1], found[2])
        if value is not None and abs(value - said) > ROUNDING * max(abs(value), abs(said)):
            return f"{found[0].strip()}, but it is {_show(value)}"
    return None


def _evaluate(first: str, rest: str) -> Fraction | None:
    total, product, sign = Fraction(0), _number(first), 1
    for operator, term in _PART.findall(rest):
        value = _number(term)
        if operator == "*":
            product *= value
        elif operator == "/":
            if value == 0:
                return None
            product /= value
        else:
            total += sign * product
            product, sign = value, 1 if operator == "+" else -1
    return total + sign * product


def _number(text: str) -> Fraction:
    return Fraction(re.sub(r"[$,\s]", "", text))


def _show(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.6g}"
