"""What endpoints offer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from agentfix.endpoints import Endpoint
from agentfix.errors import AgentFixError
from agentfix.models.openai.client import Client
from agentfix.settings import DEFAULT_ENDPOINT

TIMEOUT_S = 5.0
"""A list is short; whoever asks for it is waiting."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The models of one endpoint."""

    endpoint: str
    base_urls: tuple[str, ...]
    models: tuple[str, ...]
    """As the endpoint names them, in its order; each once, however many addresses offer it."""
    problems: tuple[str, ...]
    """A line for each address that did not say."""

    def spec(self, model: str) -> str:
        """What to write for `--model`."""
        plain = self.endpoint == DEFAULT_ENDPOINT and "@" not in model
        return f"openai:{model}" if plain else f"openai:{model}@{self.endpoint}"


async def offers(endpoints: Mapping[str, Endpoint], timeout_s: float = TIMEOUT_S) -> list[Offer]:
    """Ask every address at once what it offers. One that does not say is a problem of its offer, not an error."""
    return list(await asyncio.gather(*(_offer(name, endpoint, timeout_s) for name, endpoint in endpoints.items())))


async def _offer(name: str, endpoint: Endpoint, timeout_s: float) -> Offer:
    client = Client(endpoint, "/models")
    problems: list[str] = []

    async def ask(url: str) -> list[str]:
        try:
            async with asyncio.timeout(timeout_s):
                return await client.models(url)
        except TimeoutError:
            problems.append(f"{url} did not say within {timeout_s:g} s what it offers.")
        except AgentFixError as error:
            problems.append(str(error))
        return []

    try:
        lists = await asyncio.gather(*map(ask, endpoint.base_urls))
    finally:
        await client.aclose()
    models = dict.fromkeys(model for offered in lists for model in offered)
    return Offer(name, endpoint.base_urls, tuple(models), tuple(problems))
