"""Replays the calculations that a text states."""

from __future__ import annotations

import re
from fractions import Fraction

_TERM = r"\$?\s*-?\d[\d,]*(?:\.\d+)?"
_STEP = re.compile(
    rf"(?<![\w.,)\-+*/^=])({_TERM})((?:\s*[-+*/]\s*{_TERM})+)\s*=\s*({_TERM})(?![\d%]|\s*[-+*/^(])"
)
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
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"
