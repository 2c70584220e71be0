"""What a scorer of toxicity is, and how a text that is longer than one reads at once is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentfix import ToolContext

WINDOW_WORDS = 30
"""So much of a text is scored at once: what is bad in a long text must not vanish among the rest."""
STRIDE_WORDS = 20


@dataclass(frozen=True, slots=True)
class Scores:
    """What a scorer says of a text, each from 0 to 1."""

    toxicity: float
    attributes: Mapping[str, float] = field(default_factory=dict[str, float])
    """By name, such as `insult`; none where a scorer tells nothing apart."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a scorer may do; it becomes part of the tool's declaration."""

    hosts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    deterministic: bool = True


class ToxicityScorer(Protocol):
    """Says how toxic texts are."""

    @property
    def name(self) -> str:
        """What evidence calls it."""
        ...

    @property
    def needs(self) -> Needs:
        """What it may do."""
        ...

    async def score(self, texts: Sequence[str], context: ToolContext) -> list[Scores]:
        """Score texts, each by itself.

        Raises:
            ToolError: it can't be done here (status `unavailable`), or was not done.
        """
        ...


def windows(words: Sequence[str]) -> list[Sequence[str]]:
    """A text's words in overlapping pieces; one piece, perhaps without a word, for a short text."""
    if len(words) <= WINDOW_WORDS:
        return [words]
    starts = range(0, len(words) - WINDOW_WORDS + STRIDE_WORDS, STRIDE_WORDS)
    return [words[start:start + WINDOW_WORDS] for start in starts]


def worst(scores: Sequence[Scores]) -> Scores:
    """The highest of each score of a text's pieces."""
    names = scores[0].attributes
    return Scores(max(one.toxicity for one in scores),
                  {name: max(one.attributes[name] for one in scores) for name in names})
