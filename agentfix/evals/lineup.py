"""Who is compared in a table, and who pays for whose answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentfix.types import Usage

FIRST_ONLY = "none"
"""The strategy that stops at the first attempt."""
SAMPLING = ("self-consistency", "best-of-n")
"""The strategies whose argument is how many answers are drawn: what every other must beat at its own price."""
READING = ("retrieval",)
"""One whose argument is the same, and whose prompt is long: what it reads counts too."""
MOST_SAMPLES = 64
"""More answers than this are not drawn at once."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy of a table."""

    name: str
    """What the table calls it."""
    strategy: str
    """As settings name it."""
    spender: str | None = None
    """The contender whose tokens decide, item by item, how many answers this one draws; None draws what it says."""

    @property
    def probe(self) -> str:
        """The strategy that shows what one answer of this one costs."""
        return FIRST_ONLY if self.strategy == "self-consistency" else f"{self.strategy}:1"

    def paid_by(self, spent: Usage, alone: Usage) -> str:
        """The strategy with as many answers as were paid for.

        Of strategies whose prompt is the question, what is written counts. Of those that read, all tokens count: those
        of the prompt, read once for all answers, and then so many answers as the rest pays for.

        Args:
            spent: by the spender, on this item.
            alone: by `probe`, on the same item.
        """
        read = alone.prompt_tokens if self.strategy in READING else 0
        budget = spent.completion_tokens + (spent.prompt_tokens - read if read else 0)
        answers = round(budget / max(1, alone.completion_tokens))
        return f"{self.strategy}:{min(max(1, answers), MOST_SAMPLES)}"


def lineup(strategies: Sequence[str], *, equal_tokens: bool = False, baselines: bool = True) -> tuple[Contender, ...]:
    """The contenders of a table.

    Args:
        strategies: as they were listed, each once.
        equal_tokens: those that are listed and draw answers draw what the first one's tokens pay for.
        baselines: after each strategy that is no baseline itself come self-consistency and best-of-n at its price,
            named such as `self-consistency@critic`.
    """
    listed = [
        Contender(s, s, strategies[0] if equal_tokens and place and s in (*SAMPLING, *READING) else None)
        for place, s in enumerate(strategies)
    ]
    there = {(c.strategy, c.spender) for c in listed}
    contenders: list[Contender] = []
    for contender in listed:
        contenders.append(contender)
        if baselines and contender.strategy.partition(":")[0] not in (FIRST_ONLY, *SAMPLING, *READING):
            contenders += (Contender(f"{s}@{contender.name}", s, contender.name) for s in SAMPLING
                           if (s, contender.name) not in there)
    return tuple(contenders)
