"""The names of models, as clients say them: a model's own, or a strategy before it, as in `critic/NAME`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentfix.server.failures import Refusal
from agentfix.settings import split_model


@dataclass(frozen=True)
class Chosen:
    """What a name stands for."""

    model: str
    """As `backend:name`."""
    strategy: str | None
    """As `name` or `name:argument`; the settings' own when None."""


class Names:
    """The models that are served. No other can be asked for: a name may be that of a file.

    Args:
        models: as `backend:name`, the usual one first.
        strategies: that there are.
    """

    def __init__(self, models: Sequence[str], strategies: Iterable[str]) -> None:
        self._strategies = sorted(strategies)
        shorts = Counter(short(spec) for spec in models)
        self._models: Mapping[str, str] = {name if shorts[name := short(spec)] == 1 else spec: spec for spec in models}

    def listed(self) -> list[str]:
        """All names, apart from strategies with arguments."""
        return [*self._models, *(f"{strategy}/{name}" for name in self._models for strategy in self._strategies)]

    def find(self, name: str) -> Chosen:
        """What a name stands for.

        Raises:
            Refusal: nothing.
        """
        model = self._model(name)
        if model is not None:
            return Chosen(model, None)
        strategy, _, rest = name.partition("/")
        model = self._model(rest)
        if model is None or strategy.partition(":")[0] not in self._strategies:
            raise unknown(name, f"Ask for {next(iter(self._models))!r}, or see GET /v1/models.")
        return Chosen(model, strategy)

    def _model(self, name: str) -> str | None:
        return name if name in self._models.values() else self._models.get(name)


def short(spec: str) -> str:
    """A model's own name, without the backend and the address, which are not for clients."""
    return split_model(spec)[1].partition("@")[0] or spec


def unknown(name: str, hint: str) -> Refusal:
    """There is no such model."""
    return Refusal(404, f"There is no model {name[:200]!r}. {hint}", code="model_not_found", param="model")
