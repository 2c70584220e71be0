"""How much each of the tests that a model wrote is to be believed, given which programs pass it. Pure.

Programs that pass the same tests form a consensus set, whose score is its voices times its tests (CodeT: Chen et al.,
2023, section 3). Here each set is a supposition of what is right, as likely as its score says; one more supposition,
with one voice, is that all tests are right and no program is. A test's weight is the likelihood of those that pass it:
tests that every program fails, or that only programs pass which most others contradict, weigh less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What one program did."""

    passed: frozenset[int]
    failed: frozenset[int]
    """Tests that are in neither were never run."""
    voices: int
    """How many independent attempts wrote it; 0 for a program that only mends another."""


def weights(rows: Sequence[Row], tests: int) -> tuple[float, ...]:
    """The weight of each test, 0 to 1.

    Args:
        rows: one for each program.
        tests: how many tests there are.
    """
    voices: dict[frozenset[int], int] = {}
    for row in rows:
        voices[row.passed] = voices.get(row.passed, 0) + row.voices
    scores = {passed: max(1, count) * len(passed) for passed, count in voices.items()}
    total = sum(scores.values()) + tests
    return tuple((sum(score for passed, score in scores.items() if test in passed) + tests) / total
                 for test in range(tests))


def share(row: Row, weight: Sequence[float]) -> float:
    """How much of the weight of the tests that were run with a program it passes, 0 to 1."""
    passed = sum(weight[test] for test in row.passed)
    run = passed + sum(weight[test] for test in row.failed)
    return min(1.0, passed / run) if run else 0.0


def agreed_by(rows: Sequence[Row], test: int) -> int | None:
    """The program that passes a test and most others, of those with the most voices; None when none passes it."""
    able = [number for number, row in enumerate(rows) if test in row.passed]
    return max(able, key=lambda number: (len(rows[number].passed), rows[number].voices, -number), default=None)
