"""Strategies that sample: `self-consistency` (Wang et al., "Self-Consistency Improves Chain of Thought Reasoning",
ICLR 2023) and `best-of-n`.

Both begin with the greedy attempt that every strategy begins with, so that tables can share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import ENGINE_CRITICS, Expand, Move, Remaining, Review, Stop, Tree, UsageError

DEFAULT_SAMPLES = 5
TEMPERATURE = 0.7
MOST = 64


def samples(strategy: str, argument: str) -> int:
    """Read n from `NAME:n`.

    Raises:
        UsageError: it is no number from 1 to 64.
    """
    if not argument:
        return DEFAULT_SAMPLES
    if not argument.isascii() or not argument.isdigit() or len(argument) > 4 or not 1 <= int(argument) <= MOST:
        raise UsageError(f"{strategy!r} takes a number of samples from 1 to {MOST}, not {argument[:40]!r}.",
                         f"Write for example {strategy}:{DEFAULT_SAMPLES}.")
    return int(argument)


def _sample(tree: Tree, n: int) -> list[Move]:
    """The moves that bring the tree to n attempts."""
    made = len(tree.attempts)
    if made == 0:
        return [Expand()]
    return [Expand(n=n - made, temperature=TEMPERATURE)] if made < n else []


class SelfConsistency:
    """Sample n answers; the engine's own agreement evidence is the vote."""

    name = "self-consistency"

    def __init__(self, n: int = DEFAULT_SAMPLES) -> None:
        self._n = n

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        return _sample(tree, self._n) or [Stop("all samples are in", tree.best)]


class BestOfN:
    """Sample n answers and have each reviewed by the kind's critics."""

    name = "best-of-n"

    def __init__(self, n: int = DEFAULT_SAMPLES) -> None:
        self._n = n

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        more = _sample(tree, self._n)
        if more:
            return more
        open_ = tuple(a.id for a in tree.attempts if all(c.critic in ENGINE_CRITICS for c in tree.critiques_of(a.id))
                      and (a.answer is not None or a.program is not None))
        return [Review(open_)] if open_ else [Stop("all samples are reviewed", tree.best)]
