"""From what users write after `openai:` to a model."""

from __future__ import annotations

from agentfix.errors import ConfigError, UnknownNameError
from agentfix.models.openai.model import OpenAIModel
from agentfix.models.openai.pool import Pool
from agentfix.settings import DEFAULT_ENDPOINT, Settings


def open_model(spec: str, settings: Settings, pools: dict[str, Pool]) -> OpenAIModel:
    """Make the model of that name; nothing is asked yet.

    Args:
        spec: `MODEL`, `MODEL@NAME` of an endpoint in the settings, or `MODEL@URL`.
        settings: the endpoints, and the limit on money.
        pools: those made so far, by where they are; a new one is added.

    Raises:
        ConfigError: no model is named, or money is limited and the model's price is not known.
    """
    model, where = split(spec, settings)
    endpoint = settings.endpoint(where)
    if not model:
        raise ConfigError(f"'openai:{spec}' names no model.",
                          "Write openai:MODEL, openai:MODEL@NAME or openai:MODEL@URL.")
    price = endpoint.prices.get(model)
    if settings.max_cost is not None and price is None:
        raise ConfigError(f"max_cost can't be held: no price of {model!r} is known.",
                          "Name the endpoint in agentfix.toml, with its prices." if "://" in where
                          else f"Set endpoints.{where}.prices in agentfix.toml.")
    pool = pools.setdefault(where, Pool(endpoint))
    return OpenAIModel(f"openai:{spec}", model, pool, price)


def split(spec: str, settings: Settings) -> tuple[str, str]:
    """A spec as model and endpoint. A model whose own name holds `@` is named with its endpoint: `a@b@openai`.

    Raises:
        UnknownNameError: there is no such endpoint. What is meant for one is never sent to another.
    """
    head, has_address, rest = spec.partition("://")
    model, at, where = head.rpartition("@")
    if has_address and at:
        return model, f"{where}://{rest}"
    model, at, where = spec.rpartition("@")
    if not at or not model:
        return spec, DEFAULT_ENDPOINT
    try:
        settings.endpoint(where)
    except UnknownNameError as error:
        if any(mark in where for mark in ".:/"):
            error.hint = f"An address is written in full: openai:{model}@http://{where}"
        raise
    return model, where
