"""Strategy `retrieval`: search once with the question, answer from what is found. The baseline of `facts`.

With several samples, the answer that most of them give is taken (self-consistency: Wang et al., ICLR 2023), so that it
can be given as many tokens as another strategy spends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import Expand, Move, Remaining, Stop, Tree, UsageError

ROLE = "open-book"
TEMPERATURE = 0.7
MOST = 64


def samples(argument: str) -> int:
    """Read n from `retrieval:n`; 1 unless told.

    Raises:
        UsageError: it is no number from 1 to 64.
    """
    if not argument:
        return 1
    if not argument.isascii() or not argument.isdigit() or not 1 <= int(argument) <= MOST:
        raise UsageError(f"'retrieval' takes a number of samples from 1 to {MOST}, not {argument!r}.",
                         "Write for example retrieval:5.")
    return int(argument)


class Retrieval:
    """See the module."""

    name = "retrieval"

    def __init__(self, n: int = 1) -> None:
        self._n = n

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if ROLE not in tree.roles:
            return [Stop(f"kind {tree.task.kind!r} has no role that reads passages")]
        made = len(tree.attempts)
        if made == 0:
            return [Expand(role=ROLE)]
        if made < self._n:
            return [Expand(n=self._n - made, role=ROLE, temperature=TEMPERATURE)]
        return [Stop("all samples are in", tree.best)]
