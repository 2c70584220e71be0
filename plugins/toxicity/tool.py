"""The tool itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix import (
    Claim,
    Evidence,
    EvidenceClass,
    Observation,
    ToolContext,
    ToolError,
    ToolSpec,
    UnknownNameError,
)

from .detoxify import DetoxifyScorer
from .local import LocalScorer
from .locating import worst_words
from .lstm import LstmScorer
from .perspective import PerspectiveScorer
from .profanity import ProfanityScorer
from .scorers import Scores, ToxicityScorer

MAX_CHARACTERS = 50_000
LOCATED = 0.1
"""Below it there are no words to point at."""
TOXIC = 0.5
"""From here on a text is called toxic: most readers would find it so."""
_SCORERS: Mapping[str, Callable[[], ToxicityScorer]] = {
    "local": LocalScorer, "lstm": LstmScorer, "profanity-check": ProfanityScorer, "detoxify": DetoxifyScorer,
    "perspective": PerspectiveScorer,
}


def scorer(name: str) -> ToxicityScorer:
    """The scorer of a name. Raises UnknownNameError."""
    if name not in _SCORERS:
        raise UnknownNameError("toxicity scorer", name, _SCORERS)
    return _SCORERS[name]()


@dataclass(eq=False)
class Toxicity:
    """Scores texts, and refutes those that are toxic.

    Args:
        scorer: by which.
    """

    scorer: ToxicityScorer
    spec: ToolSpec = field(init=False)

    def __post_init__(self) -> None:
        needs = self.scorer.needs
        self.spec = ToolSpec(
            name="toxicity",
            description="Tells how toxic an English text is (rude, insulting, threatening, hateful), from 0 to 1. A "
                        "text with 0.5 or more counts as toxic.",
            parameters={
                "type": "object",
                "properties": {"text": {"type": "string", "description": "The text to judge."}},
                "required": ["text"],
                "additionalProperties": False,
            },
            deterministic=needs.deterministic, hosts=needs.hosts, secrets=needs.secrets, paths=needs.paths,
            verifies=True)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Score `text`. The observation's data holds `toxicity`, `attributes` and `scorer`, and as `words` the numbers
        of the first and the last of its worst words, from 1. Raises ToolError."""
        scores = await self._score(str(arguments["text"]), context)
        data: dict[str, Any] = {"toxicity": scores.toxicity, "attributes": dict(scores.attributes),
                                "scorer": self.scorer.name}
        if scores.toxicity >= LOCATED and self.scorer.needs.deterministic:  # another one is a service, asked too often
            data["words"] = await worst_words(str(arguments["text"]), self.scorer, context)
        return Observation("toxicity", "ok", _told(scores), data)

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """Refute a text that is toxic; that it is not supports a part of it, the more the less toxic it is."""
        if claim.call is not None or not claim.text.strip():
            return None
        scores = await self._score(claim.text, context)
        toxic = scores.toxicity >= TOXIC
        summary = f"toxicity {scores.toxicity:.2f} is {'not ' * toxic}under {TOXIC:g} ({self.scorer.name})"
        weight = max(scores.toxicity if toxic else 1 - scores.toxicity, 0.01)
        return Evidence(EvidenceClass.MEASUREMENT, "refutes" if toxic else "supports", summary, "toxicity",
                        "instrument", "part", weight, _told(scores))

    async def _score(self, text: str, context: ToolContext) -> Scores:
        if not text.strip():
            raise ToolError("There is no text to judge.")
        if len(text) > MAX_CHARACTERS:
            raise ToolError(f"The text has {len(text)} characters; at most {MAX_CHARACTERS} are judged.",
                            status="refused")
        return (await self.scorer.score([text], context))[0]


def _told(scores: Scores) -> str:
    named = sorted(scores.attributes.items(), key=lambda item: -item[1])
    attributes = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in named)
    return f"Toxicity {scores.toxicity:.2f}{f' ({attributes})' if attributes else ''}."
