"""Whether a limit on money can be held."""

from __future__ import annotations

from agentfix.errors import ConfigError
from agentfix.models.openai.opening import split
from agentfix.settings import Settings, split_model


def require_prices(settings: Settings, option: str) -> None:
    """See that the price of each model on a server is known.

    Args:
        settings: the models, and the endpoints with their prices.
        option: the limit.

    Raises:
        ConfigError: one is not.
        UnknownNameError: there is no such endpoint.
    """
    for spec in filter(None, (settings.model, settings.critic_model)):
        backend, name = split_model(spec)
        if backend != "openai":
            continue
        model, where = split(name, settings)
        if model not in settings.endpoint(where).prices:
            raise ConfigError(f"{option} can't be held: no price of {model!r} is known.",
                              "Name the endpoint in agentfix.toml, with its prices." if "://" in where
                              else f"Set endpoints.{where}.prices in agentfix.toml.")
