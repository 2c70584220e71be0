"""The scorer `perspective`: Google's Perspective API. Google ends it on 31 December 2026."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix import ToolContext, ToolError

from .scorers import Needs, Scores

_URL = "https://commentanalyzer.googleapis.com/v1alpha1/comments:analyze"
KEY = "PERSPECTIVE_API_KEY"
ENDS = "Google ends the Perspective API on 31 December 2026: use another toxicity scorer from then on."
_ATTRIBUTES = ("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT")
_MOST_BYTES = 20_480
"""Of a text, as the API says."""


@dataclass(frozen=True)
class PerspectiveScorer:
    """See the module."""

    name: str = "perspective"
    needs: Needs = Needs(hosts=("commentanalyzer.googleapis.com",), secrets=(KEY,), deterministic=False)

    async def score(self, texts: Sequence[str], context: ToolContext) -> list[Scores]:
        """See `ToxicityScorer`. Texts are sent to Google, which is asked not to keep them."""
        key = context.secrets.require(KEY)
        return list(await asyncio.gather(*(self._scored(text, key, context) for text in texts)))

    async def _scored(self, text: str, key: str, context: ToolContext) -> Scores:
        if len(text.encode("utf-8", "replace")) > _MOST_BYTES:
            raise ToolError(f"Perspective takes texts of at most {_MOST_BYTES} bytes.", status="refused")
        request: dict[str, Any] = {"comment": {"text": text}, "languages": ["en"], "doNotStore": True,
                   "requestedAttributes": {name: {} for name in _ATTRIBUTES}}
        response = await context.http.request("POST", _URL, headers={"x-goog-api-key": key}, json=request)
        if response.status != 200:
            raise ToolError(f"Perspective answered with status {response.status}. {ENDS}", status="unavailable")
        return _read(response.json())


def _read(reply: Any) -> Scores:
    try:
        told: Mapping[str, Any] = reply["attributeScores"]
        scores = {name.lower(): float(score["summaryScore"]["value"]) for name, score in told.items()}
        toxicity = scores.pop("toxicity")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ToolError(f"Perspective's answer can't be read: it lacks {error}.") from error
    if not all(0 <= score <= 1 for score in (toxicity, *scores.values())):
        raise ToolError("Perspective's answer can't be read: a score is not from 0 to 1.")
    return Scores(toxicity, scores)
