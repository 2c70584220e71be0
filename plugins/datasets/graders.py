"""How an answer is graded against its reference."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from agentfix import Judge, Score

TOLERANCE = Fraction(1, 10**6)
"""Relative: programs compute in binary floating point."""
_LONGEST = 20_000
"""Characters of an answer that are looked at."""
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w).])[-+−]\s?)?(?:[$€£]\s?)?(?P<inner>(?<=[$€£])[-−])?"
    r"(?<![\d.])(?P<number>(?:\d{1,3}(?:,\d{3})+|\d{1,300})(?:\.\d{0,300})?|\.\d{1,300})(?!\d)"
    r"(?P<exponent>e[-+]?\d{1,3}(?!\d))?(?P<below>\s?/\s?[1-9]\d{0,300}(?!\d))?", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Numeric:
    """Right if it is the number: `$1,200.00` is 1200, `3/4` is 0.75; 50% is 50, not 0.5."""

    reference: Fraction

    @property
    def right_answer(self) -> str:
        whole = self.reference.denominator == 1
        return str(self.reference.numerator) if whole else repr(float(self.reference))

    async def score(self, answer: str, judge: Judge) -> Score:
        return _binary(same_number(last_number(answer), self.reference))


@dataclass(frozen=True, slots=True)
class Text:
    """Exact match and word F1 with the best reference, after SQuAD's normalisation (Rajpurkar et al., 2016)."""

    references: tuple[str, ...]

    @property
    def right_answer(self) -> str:
        return self.references[0]

    async def score(self, answer: str, judge: Judge) -> Score:
        words = normalised(answer)
        references = [normalised(reference) for reference in self.references]
        return Score(words in references, max(word_f1(words, reference) for reference in references))


@dataclass(frozen=True, slots=True)
class Choice:
    """Right if of all choices the answer names this one only."""

    reference: str
    choices: tuple[str, ...]

    @property
    def right_answer(self) -> str:
        return self.reference

    async def score(self, answer: str, judge: Judge) -> Score:
        said = f" {' '.join(normalised(answer))} "
        named: set[str] = set()
        for choice in sorted((" ".join(normalised(choice)) for choice in self.choices), key=len, reverse=True):
            if f" {choice} " in said:
                named.add(choice)
                said = said.replace(f" {choice} ", " | ")
        return _binary(named == {" ".join(normalised(self.reference))})


@dataclass(frozen=True, slots=True)
class Assertions:
    """Right if the program runs and every assertion after it holds."""

    source: str

    async def score(self, answer: str, judge: Judge) -> Score:
        # A program that ends itself early must not pass for one whose assertions held.
        marked = f"{answer}\n\n{self.source}\n{_REACHED} = 1\n"
        result = await judge.run(marked, want=_REACHED)
        note = "" if result.status in ("ok", "error") else f"{result.status}: {result.error}".rstrip(": ")
        correct = result.status == "ok" and result.value == "1"
        return Score(correct, float(correct), note)


_REACHED = "agentfix_reached_the_end"


def last_number(text: str) -> Fraction | None:
    """The number a text states, or the last of several; None without one."""
    found = list(_NUMBER.finditer(text[-_LONGEST:]))
    if not found:
        return None
    match = found[-1]
    value = Fraction(match["number"].replace(",", "").removesuffix(".") + (match["exponent"] or ""))
    if match["below"]:
        value /= int(match["below"].replace("/", "").strip())
    negative = (match["sign"] or match["inner"] or "+")[0] in "-−"
    return -value if negative else value


def same_number(answer: Fraction | None, reference: Fraction) -> bool:
    """Equal as rationals, but for the rounding of binary floats."""
    return answer is not None and abs(answer - reference) <= TOLERANCE * max(abs(answer), abs(reference))


def normalised(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation and articles."""
    return tuple(_ARTICLES.sub(" ", text[:_LONGEST].lower().translate(_PUNCTUATION)).split())


def word_f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    """Harmonic mean of the precision and recall of words."""
    if not answer or not reference:
        return float(tuple(answer) == tuple(reference))
    common = sum((Counter(answer) & Counter(reference)).values())
    return 2 * common / (len(answer) + len(reference))


def _binary(correct: bool) -> Score:
    return Score(correct, float(correct))
