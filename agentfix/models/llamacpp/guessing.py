"""How many guesses are worth checking: each may give a token more, and each makes the batch take longer.

After Liu et al., "Optimizing Speculative Decoding for Serving Large Language Models Using Goodput" (2024), with the
time that a batch takes measured while the engine runs. Where a token costs as much in a batch as alone, nothing is
guessed; where a batch of 16 costs little more than one of 12, the four rows in between are filled.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

MOST_GUESSES = 64
"""In one batch."""
LEAST_CHANCE = 0.05
"""A token that is less likely to be right is never worth a row."""
EXACT_ROWS, ROUGH_ROWS = 32, 8
"""Up to where the time of every number of rows is noted apart, and how many are noted together beyond."""
NEWEST = 0.3
"""How much the last time counts beside those before."""
FORGOTTEN_STEPS = 512
"""A time that was not measured again for so long is not believed any more: the machine may do other things now."""
NEXT_ROW = 0.3
"""What a row more than was ever measured is thought to cost, in rows: too little, so that it is tried."""
LARGER = 4
"""But not how many times as many rows as were measured: what turns out to be dear should not cost much to learn."""


class Durations:
    """How long batches take, by their number of rows, as measured lately."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._noted: dict[int, int] = {}
        self._steps = 0
        self._curve: tuple[list[int], list[float]] = ([], [])

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def add(self, rows: int, seconds: float) -> None:
        """Note how long a batch took."""
        self._steps += 1
        if rows > EXACT_ROWS:
            rows -= rows % ROUGH_ROWS
        seconds = max(seconds, 1e-9)  # some clocks are coarse
        before = self._seconds.get(rows, seconds)
        self._seconds[rows], self._noted[rows] = before + NEWEST * (seconds - before), self._steps
        for old in [each for each, step in self._noted.items() if self._steps - step > FORGOTTEN_STEPS]:
            del self._seconds[old], self._noted[old]
        known = sorted(self._seconds)
        # A larger batch that took less tells that a smaller one was held up by something else.
        least = list(accumulate((self._seconds[each] for each in reversed(known)), min))
        self._curve = known, least[::-1]

    def of(self, rows: int) -> float:
        """Seconds that a batch of so many rows takes; asked once something was noted."""
        known, seconds = self._curve
        at = bisect_left(known, rows)
        if rows > LARGER * known[-1]:
            return math.inf
        if at == len(known):
            return seconds[-1] * (1 + NEXT_ROW * (rows - known[-1]) / known[-1])
        if known[at] == rows:
            return seconds[at]
        if at == 0:
            return seconds[0] * (1 + rows / known[0]) / 2
        part = (rows - known[at - 1]) / (known[at] - known[at - 1])
        return seconds[at - 1] + part * (seconds[at] - seconds[at - 1])


def worth_checking(guesses: Sequence[tuple[float, int]], others: int, durations: Durations) -> list[int]:
    """How many tokens of each guess to decode.

    Args:
        guesses: for each completion that is written, how likely each guessed token is to be right after those before
            it, and how many are guessed.
        others: rows of the batch that are neither a sure token nor a guess.
        durations: of batches.

    Returns:
        A number for each guess.
    """
    taken = [0] * len(guesses)
    if not durations or not any(length for _, length in guesses):
        return taken
    ranked = heapq.nlargest(MOST_GUESSES, _gains(guesses))
    gained = list(accumulate((gain for gain, _ in ranked), initial=0.0))
    sure = len(guesses)
    pace = max((sure + gain) / durations.of(sure + more) for more, gain in enumerate(gained))
    rows = sure + others
    best = max(range(len(gained)), key=lambda more: gained[more] - pace * durations.of(rows + more))
    for _, index in ranked[:best]:
        taken[index] += 1
    return taken


def _gains(guesses: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """What each guessed token may give, in tokens, with the place of its guess."""
    gains = list[tuple[float, int]]()
    for index, (chance, length) in enumerate(guesses):
        gain = chance
        for _ in range(length):
            if gain < LEAST_CHANCE:
                break
            gains.append((gain, index))
            gain *= chance
    return gains
