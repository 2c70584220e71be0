"""What the parts of the benchmark share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.model import LlamaCppModel
from agentfix.types import Sampling
from tests.bench.sandbox.targets import Target

CONTEXT = 8192


@dataclass
class Part:
    """What a part found."""

    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    targets: list[Target] = field(default_factory=list[Target])


def greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0, max_tokens=max_tokens)


def model_of(path: Path, *, context: int = CONTEXT) -> LlamaCppModel:
    """A model that keeps nothing on disk and shares nothing."""
    return LlamaCppModel("bench", lambda: Engine(Llama(path, context_tokens=context)))


def best(measure: Callable[[], float], times: int) -> float:
    return min(measure() for _ in range(times))


def say(text: str) -> None:
    """To standard error: all of this takes many minutes."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
