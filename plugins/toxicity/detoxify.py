"""The scorer `detoxify`: a network of the package Detoxify, which fetches its weights (440 MB) when first used."""

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

_HOSTS = ("github.com", "*.githubusercontent.com", "huggingface.co", "*.huggingface.co", "*.hf.co")
_FOLDERS = ("~/.cache/torch", "~/.cache/huggingface")


@dataclass(eq=False)
class DetoxifyScorer:
    """See the module."""

    name: str = "detoxify"
    needs: Needs = Needs(hosts=_HOSTS, paths=_FOLDERS)
    _model: Any = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    async def score(self, texts: Sequence[str], context: ToolContext) -> list[Scores]:
        """See `ToxicityScorer`."""
        if importlib.util.find_spec("detoxify") is None:
            raise ToolError("The toxicity scorer 'detoxify' needs the package of that name: pip install detoxify",
                            status="unavailable")
        return await asyncio.to_thread(self._scored, texts)

    def _scored(self, texts: Sequence[str]) -> list[Scores]:
        with self._lock:
            if self._model is None:
                self._model = importlib.import_module("detoxify").Detoxify("original")
            pieces = [[" ".join(piece) for piece in windows(text.split())] for text in texts]
            told: dict[str, list[float]] = self._model.predict([one for each in pieces for one in each])
        attributes = [name for name in told if name != "toxicity"]
        scored = iter([Scores(float(value), {name: float(told[name][row]) for name in attributes})
                       for row, value in enumerate(told["toxicity"])])
        return [worst([next(scored) for _ in each]) for each in pieces]
