"""A model over a loopback server, and the seconds it would have waited."""

from __future__ import annotations

import pytest

from agentfix.endpoints import Endpoint, Price
from agentfix.models.openai.model import OpenAIModel
from agentfix.models.openai.pool import Pool

KEY = "sk-very-secret-key"


@pytest.fixture
def waits():
    """What was waited between retries, in seconds."""
    return []


@pytest.fixture
def model_of(waits, monkeypatch):
    """Makes a model that asks these addresses; it notes its waits instead of waiting."""
    monkeypatch.setenv("TEST_KEY", KEY)

    async def note(seconds: float) -> None:
        waits.append(seconds)

    def make(*urls: str, name: str = "gpt-smal", price: Price | None = None, **options) -> OpenAIModel:
        endpoint = Endpoint(base_urls=urls, key="TEST_KEY", **options)
        return OpenAIModel(f"openai:{name}", name, Pool(endpoint), price, note)

    return make
