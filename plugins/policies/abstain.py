"""Policy `abstain`: answer, or say why not. The run goes on as its strategy decides; the answer is given only where the
confidence in it is above a threshold.

The threshold that keeps a promise is fitted to logged runs: see conformal.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from agentfix import Move, Remaining, Stop, Tree, UsageError, confidence_of

from .wrapping import Ask

THRESHOLD = 0.5
GOES_ON = (None, "rounds", "tool_calls")
"""Limits that leave something to be done: without rounds, what was attempted is still reviewed."""


def read_threshold(option: str) -> float:
    """Read the threshold of `abstain:THRESHOLD`.

    Raises:
        UsageError: it is no number from 0 to 1.
    """
    try:
        threshold = float(option or THRESHOLD)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise UsageError(f"'abstain' takes a confidence from 0 to 1, not {option[:40]!r}.",
                         "Write for example abstain:0.8:critic, or fit one: agentfix fit-abstention.")
    return threshold


class Abstain:
    """See the module.

    Args:
        threshold: answers need more confidence than this, 0 to 1.
    """

    name = "abstain"

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        decided = ask() or [Stop("the strategy had no further move", tree.best)]
        stop = decided[0]
        if not isinstance(stop, Stop):
            if budget.exhausted in GOES_ON:
                # What these moves find may change whether to stop: the strategy is asked again then.
                return list(takewhile(lambda move: not isinstance(move, Stop), decided))
            stop = Stop("a limit was reached", tree.best)
        confidence = confidence_of(tree)
        if confidence > self._threshold:
            return [stop]
        why = "nothing was attempted" if tree.best is None else tree.standings[tree.best].reason
        return [replace(stop, abstain=True,
                        reason=f"a confidence of {confidence:.2f} is not above {self._threshold:g}: {why}")]
