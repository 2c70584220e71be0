"""The scorer `profanity-check`: the linear model of the package alt-profanity-check, which holds its weights."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentfix import ToolContext, ToolError

from .scorers import Needs, Scores, windows, worst

_PACKAGE = "profanity_check"


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(_PACKAGE) is not None


@dataclass(eq=False)
class ProfanityScorer:
    """See the module. Importing the package takes seconds: that is done in a thread, when a text is first scored."""

    name: str = "profanity-check"
    needs: Needs = Needs()
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    async def score(self, texts: Sequence[str], context: ToolContext | None = None) -> list[Scores]:
        """See `ToxicityScorer`."""
        if not installed():
            raise ToolError("The toxicity scorer 'profanity-check' needs alt-profanity-check: "
                            "pip install 'agentfix[toxicity]'", status="unavailable")
        return await asyncio.to_thread(self._scored, texts)

    def _scored(self, texts: Sequence[str]) -> list[Scores]:
        with self._lock:
            package: Any = importlib.import_module(_PACKAGE)
        pieces = [[" ".join(piece) for piece in windows(text.split())] for text in texts]
        scored = iter(Scores(float(value)) for value in package.predict_prob([one for each in pieces for one in each]))
        return [worst([next(scored) for _ in each]) for each in pieces]
