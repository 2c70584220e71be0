"""How far a rater can be relied on: does it agree with another, with itself, and with itself when the order is changed;
does it go by length. Pure functions.

Knows nothing about critics: a rating is any label, a comparison one of first, second and tie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import StatisticsError, correlation
from typing import Literal, TypeAlias

Better: TypeAlias = Literal["first", "second", "tie"]


def cohen_kappa(one: Mapping[str, str], other: Mapping[str, str]) -> float | None:
    """How far two raters agree beyond chance (Cohen, "A Coefficient of Agreement for Nominal Scales", 1960).

    Args:
        one: ratings by item, such as the verdicts of a critic.
        other: another rater's; items that only one of them rated are left out.

    Returns:
        1 for full agreement, 0 for what chance would give, below it for less; None when they share no item, or give
        one and the same rating to all: then chance alone would agree as far.
    """
    items = [item for item in one if item in other]
    if not items:
        return None
    first, second = Counter(one[item] for item in items), Counter(other[item] for item in items)
    by_chance = sum(first[label] * second[label] for label in first) / len(items) ** 2
    if by_chance == 1:
        return None
    agreed = sum(one[item] == other[item] for item in items) / len(items)
    return (agreed - by_chance) / (1 - by_chance)


def self_agreement(repeats: Sequence[Sequence[str]]) -> float | None:
    """How often a rater says the same again.

    Args:
        repeats: for each item, what it was rated each time.

    Returns:
        The share of pairs of ratings of one item that are the same, a mean over items; None when nothing was rated
        twice.
    """
    shares = [sum(a == b for a, b in pairs) / len(pairs) for ratings in repeats
              if (pairs := list(combinations(ratings, 2)))]
    return sum(shares) / len(shares) if shares else None


@dataclass(frozen=True, slots=True)
class PositionBias:
    """What a rater of pairs does when their order is changed. Shares of all pairs."""

    pairs: int
    consistent: float
    """It says the same of the same two answers."""
    first: float
    """It prefers whatever is shown first."""
    second: float
    """It prefers whatever is shown second."""

    @property
    def rate(self) -> float:
        """How often the place decides."""
        return self.first + self.second


def position_bias(pairs: Sequence[tuple[Better, Better]]) -> PositionBias | None:
    """How often the place decides a comparison (Zheng et al., "Judging LLM-as-a-Judge", NeurIPS 2023, section 4.2).

    Args:
        pairs: what was said of two answers, and what was said when they had changed places.

    Returns:
        None when there are no pairs. A tie in one of the orders only is neither consistent nor a matter of place.
    """
    if not pairs:
        return None
    said = Counter(pairs)
    consistent = said["first", "second"] + said["second", "first"] + said["tie", "tie"]
    total = len(pairs)
    return PositionBias(total, consistent / total, said["first", "first"] / total, said["second", "second"] / total)


def length_correlation(scores: Sequence[float], lengths: Sequence[int]) -> float | None:
    """How far scores go with the length of what is scored (Pearson).

    Args:
        scores: of answers.
        lengths: of the same answers, in the same order, in any one unit.

    Returns:
        -1 to 1; None for fewer than two answers, or when all scores or all lengths are the same.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(scores) != len(lengths):
        raise ValueError(f"{len(scores)} scores are given for {len(lengths)} lengths")
    try:
        return correlation(scores, [float(length) for length in lengths])
    except StatisticsError:
        return None
