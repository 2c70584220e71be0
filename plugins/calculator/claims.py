"""Finds the equations between numbers in a text, and says which of them hold.

What could be part of something larger (`x - 3 + 4 = 1`, `pow(2, 3 + 1) = 16`, `10:30 + 1 = 11:30`), or is not simply
claimed (`if 2 + 2 = 5`, `17 / 5 = 3 remainder 2`), is passed over: to say nothing is better than to refute what was
never claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy

from agentfix import ToolError

from .evaluate import Evaluator
from .reading import parse, tokens
from .showing import decimal_of
from .units import Units

sp: Any = sympy
MAX_EQUATIONS = 50
_SIGN = re.compile(r"==?|≈")
_RUN = re.compile(r"(?:(?<=%) of |[.,](?=\d)|[\d+\-−*/×·÷^()%=≈$€£ \t])+")
_OPERATOR = re.compile(r"[\d)%]\s*(?:[-−+*/×·÷^]|of\b)|%\s*\d")
_LITERAL = re.compile(r"-?[\d,]*\.?\d+%?")
_MARKUP = tuple((re.compile(pattern, re.MULTILINE), put) for pattern, put in (
    (r"\\times\b", "*"), (r"\\cdot\b", "*"), (r"\\div\b", "/"), (r"\\[()\[\]]", "\n"), (r"\\[,;! ]", " "),
    (r"\\([%$])", r"\1"), (r"\$\$?(?!\d)", "\n"),
    (r"(?<!\S)\*\*(?=\S)((?:[^*\n]|\*(?!\*))+)(?<=\S)\*\*(?!\w)", "\n\\1\n"),
    (r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+", ""),
))
"""LaTeX, Markdown, and the marks of lists."""
_BEFORE = re.compile(
    r"(?:^|[\n:;,.!(\[`]|\b(?:so|then|thus|hence|therefore|that|have|get|gets|gives|because|since|compute|calculate|"
    r"namely|assert|answer|result|check|first|next|finally|now|claim|is|are))\s*$", re.IGNORECASE)
"""After what an equation begins."""
_GLUED = re.compile(r"[:\\^_/'’][\w{(]|[\w{\[²³√!?]")
"""What can't follow it, for then it goes on."""
_OTHERWISE = re.compile(
    r"\s*(?:hundred|thousand|million|billion|trillion|dozen|percent|k|m|bn|x|pi|π|i|r|rem|remainder|with|mod|in|base|"
    r"is|was|would|does|did|can|must|not|instead|isn)\b", re.IGNORECASE)
"""After these, what stands before them may not be meant as it is written."""
_WORDS = frozenset({"a", "are", "as", "at"})
"""Units are called so as well."""
_WORD = re.compile(r"\s*([^\W\d_]+)")


@dataclass(frozen=True, slots=True)
class Checked:
    """One equation of a text."""

    text: str
    holds: bool
    value: str
    """What its left side is."""


def check(text: str, units: Units) -> list[Checked]:
    """The equations of a text that can be checked, in order, each once."""
    found: dict[str, Checked] = {}
    for pattern, put in _MARKUP:
        text = pattern.sub(put, text)
    for left, sign, right, follows in _equations(text):
        written = f"{left} {sign} {right}"
        if written in found or not (_OPERATOR.search(left) or _OPERATOR.search(right)):
            continue
        try:
            a, b = (_number(side, units) for side in (left, right))
        except ToolError:
            continue
        holds = _equal(a, b, left, right, sign)
        hundredfold = right.endswith("%") and a == 100 * b  # `1/4 * 100 = 25%` is meant well
        if holds or not (sign == "≈" or hundredfold or _changes_meaning(follows, units)):
            found[written] = Checked(written, holds, decimal_of(a))
        if len(found) == MAX_EQUATIONS:
            break
    return list(found.values())


def _equations(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Left side, sign, right side, and what follows them."""
    for run in _RUN.finditer(text):
        signs = _SIGN.findall(run[0])
        if not signs or not _stands_alone(text, run):
            continue
        sides = _SIGN.split(run[0])
        if sides[0].count(")") > sides[0].count("("):
            continue  # it began before
        pairs = list(pairwise(map(_trimmed, sides)))
        for index, (left, right) in enumerate(pairs):
            last = index == len(pairs) - 1
            yield left, signs[index], right, text[run.end():run.end() + 40] if last else ""


def _stands_alone(text: str, run: re.Match[str]) -> bool:
    """Whether it begins where an equation can begin, and ends where it can end."""
    if _GLUED.match(text[run.end():run.end() + 2]) and not run[0][-1].isspace():
        return False
    if run[0].lstrip().startswith(("=", "≈")):
        return True  # a name stands before the first sign, which says nothing of the rest
    if run[0].lstrip().startswith(("+", "*", "/", "^", "%", "×", "·", "÷")):
        return False
    before = text[max(0, run.start() - 40):run.start()]
    return bool(_BEFORE.search(before)) and (not before[-1:].isalnum() or run[0][0].isspace())


def _trimmed(side: str) -> str:
    """A side without currency signs, and without parentheses that hold more than it."""
    side = re.sub(r"[$€£]", "", side).strip()
    while side.startswith("(") and side.count("(") > side.count(")"):
        side = side[1:].strip()
    while side.endswith(")") and side.count(")") > side.count("("):
        side = side[:-1].strip()
    return side


def _changes_meaning(follows: str, units: Units) -> bool:
    word = _WORD.match(follows)
    if word is None or word[1].lower() in _WORDS:
        return False
    return _OTHERWISE.match(follows) is not None or units.find(word[1]) is not None


def _number(side: str, units: Units) -> Any:
    """The value of a side. Raises ToolError: it is no real number."""
    value = Evaluator(parse(tokens(side)), units).value()
    if not (isinstance(value, sp.Expr) and value.is_number and value.is_real and value.is_finite):
        raise ToolError(f"{side} is no real number.")
    return value


def _equal(left: Any, right: Any, left_text: str, right_text: str, sign: str) -> bool:
    a, b = _rational(left), _rational(right)
    return a == b or _rounded(a, b, right_text, sign) or _rounded(b, a, left_text, sign)


def _rational(value: Any) -> Any:
    """The value, or one that differs from it in no digit that a text shows."""
    return value if value.is_Rational else sp.Rational(str(sp.N(value, 40))).limit_denominator(10**30)


def _rounded(exact: Any, shown: Any, text: str, sign: str) -> bool:
    """Whether a decimal number is the exact value, rounded or cut off at its last digit."""
    if not _LITERAL.fullmatch(text):
        return False
    places = len(text.rstrip("%").partition(".")[2]) + 2 * text.endswith("%")
    last_digit = sp.Rational(1, 10**places)
    if (places == 0 and sign != "≈") or (exact / last_digit).is_Integer:
        return False
    return bool(abs(exact - shown) <= last_digit / 2 or abs(shown) < abs(exact) < abs(shown) + last_digit)
