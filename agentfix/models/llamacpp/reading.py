"""A request while its prompt is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.requests import Generation, Request
from agentfix.models.llamacpp.sample import Sample


@dataclass(eq=False)
class Reading:
    """A request whose prompt is read in a sequence of its own.

    Args:
        asked: the request.
        cells: the most tokens that a completion of it, or all its choices, put into the cache after the prompt.
    """

    asked: Request
    cells: int
    sequence: int = -1
    """-1 before it is begun."""
    read: int = 0
    cached: int = 0
    """How much of it was known before."""
    writing: list[Sample] = field(default_factory=list[Sample])
    ended: list[Sample] = field(default_factory=list[Sample])
    scores: list[float] = field(default_factory=list[float])
    """Log-probabilities of the first token of each choice, and later of all of it."""
    chosen: int = 0
    """For how many choices all of it is counted."""

    @property
    def left(self) -> int:
        """How many tokens are still to be read."""
        return self.asked.reads - self.read

    @property
    def begun(self) -> int:
        """How many completions were begun."""
        return len(self.writing) + len(self.ended)

    @property
    def alone(self) -> bool:
        """Whether nothing else may be decoded with it."""
        return self.asked.deterministic

    def part(self, most: int) -> Sequence[int]:
        """What is read next."""
        return self.asked.prompt[self.read:min(self.read + most, self.asked.reads)]

    def rows(self, part: Sequence[int]) -> list[Row]:
        """The same to be decoded; what follows the last token of all is wanted where nobody decodes it again."""
        last = -1 if isinstance(self.asked, Generation) else self.asked.reads - 1
        return [Row(token, self.read + i, self.sequence, self.read + i == last) for i, token in enumerate(part)]
