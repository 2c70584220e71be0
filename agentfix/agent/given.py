"""What a run is made of that checks an answer which came with its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentfix.errors import ModelUnavailableError
from agentfix.protocols import Model
from agentfix.types import Completion, Delta, Expand, ModelRequest, Move, Remaining, Review, Stop, Tree


class ReviewGiven:
    """Has the given answer reviewed once, by the kind's critics and those that the settings name."""

    name = "verify"

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        return [Review((0,)), Stop("the answer was reviewed", 0)] if tree.attempts else [Expand()]


def model_or_none(make: Callable[[str], Model], spec: str) -> Model:
    """A model for critics; or, where it can't be had, what says so when a critic asks it. Most checks ask none.

    Args:
        make: makes models.
        spec: which one.
    """
    try:
        return make(spec)
    except ModelUnavailableError as error:
        return _NoModel(spec, error)


class _NoModel:
    """Stands where a model can't be had."""

    def __init__(self, name: str, error: ModelUnavailableError) -> None:
        self.name = name
        self._error = error

    async def generate(self, request: ModelRequest, *,
                       on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        raise self._error

    async def aclose(self) -> None:
        """Nothing to free."""
