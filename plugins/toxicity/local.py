"""The scorer `local`: the mean of `lstm` and `profanity-check`, which err on different texts; `lstm` alone where the
other's package is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agentfix import ToolContext

from .lstm import LstmScorer
from .profanity import ProfanityScorer, installed
from .scorers import Needs, Scores


@dataclass(frozen=True)
class LocalScorer:
    """See the module."""

    needs: Needs = Needs()
    _network: LstmScorer = field(default_factory=LstmScorer, init=False)
    _linear: ProfanityScorer = field(default_factory=ProfanityScorer, init=False)

    @property
    def name(self) -> str:
        """Says which of them judge."""
        return f"{self._network.name} and {self._linear.name}" if installed() else self._network.name

    async def score(self, texts: Sequence[str], context: ToolContext) -> list[Scores]:
        """See `ToxicityScorer`."""
        scores = await self._network.score(texts, context)
        if not installed():
            return scores
        others = await self._linear.score(texts, context)
        return [Scores((one.toxicity + other.toxicity) / 2, one.attributes)
                for one, other in zip(scores, others, strict=True)]
