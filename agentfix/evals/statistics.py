"""Intervals and tests for counts of right and wrong. Pure functions."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

_Z = 1.959963984540054
"""97.5% quantile of the normal distribution."""
FEWEST = 10
"""A bootstrap interval of fewer is no interval: what never occurred in them is never drawn."""


def wilson(right: float, total: int) -> tuple[float, float]:
    """The 95% score interval of a proportion (Wilson, 1927).

    Args:
        right: successes. Where items were run several times, the sum of each one's share of successes: the interval is
            then at least as wide as it must be, because a share varies less than a single try.
        total: trials, or items; with none, the interval is all of [0, 1].
    """
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, _Z * _Z
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return (0.0 if right == 0 else max(0.0, centre - half)), (1.0 if right == total else min(1.0, centre + half))


def paired_bootstrap(
    before: Sequence[float], after: Sequence[float], *, seed: int = 0, resamples: int = 4000
) -> tuple[float, float]:
    """The 95% percentile bootstrap interval of the mean gain (Efron, 1979), items resampled in pairs.

    Args:
        before: for each item, whether it was right under the one, or in which share of its repeats. Repeats of an item
            are not independent, so items are drawn and not repeats.
        after: the same items, in the same order, under the other.
        seed: where the resampling starts from.
        resamples: how many are drawn.

    Raises:
        ValueError: the sequences differ in length.
    """
    gains = [float(b) - float(a) for a, b in zip(before, after, strict=True)]
    if not gains:
        return 0.0, 0.0
    draw = random.Random(seed)
    means = sorted(math.fsum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(resamples))
    tail = round(0.025 * resamples)
    return means[tail], means[-1 - tail]


def mcnemar(lost: int, won: int) -> float:
    """The exact two-sided p-value of McNemar's test (1947): could as many changes be due to chance?

    Args:
        lost: items that went from right to wrong; where they were run several times, those that did so more often than
            the other way round (the sign test, of which McNemar's is a case).
        won: items that went from wrong to right.
    """
    changed = lost + won
    tail = sum(math.comb(changed, k) for k in range(min(lost, won) + 1))
    return min(1.0, 2 * tail / 2**changed)
