"""Endpoints: where models that speak OpenAI's protocol are, and how they are to be treated. Holds no key."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or parts.query or parts.fragment:
        raise ValueError("an address looks like https://host/v1")
    if parts.username is not None:
        raise ValueError("an address holds no password: settings are written down; name a key instead")
    return url


def _variable(name: str) -> str:
    if not re.fullmatch(r"([A-Z_][A-Z0-9_]*)?", name):
        raise ValueError("this is the name of an environment variable, in capitals, and never the key itself")
    return name


Url = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_address)]
KeyName = Annotated[str, AfterValidator(_variable)]


class Price(BaseModel):
    """Money for a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    """For prompt tokens that the server had in its cache; as `input` when not set."""

    def of(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        cached = self.input if self.cached_input is None else self.cached_input
        read = (prompt_tokens - cached_tokens) * self.input + cached_tokens * cached
        return (read + completion_tokens * self.output) / 1e6


class Endpoint(BaseModel):
    """One service, at one address or several that offer the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    base_urls: tuple[Url, ...] = Field(min_length=1)
    """Addresses up to `/v1`. The least loaded one is asked; one that fails is left alone for a while."""
    key: KeyName = ""
    """Name of the environment variable, or of the keyring entry of service `agentfix`, that holds the key. Never the
    key itself: settings are written down."""
    max_concurrency: int = Field(default=64, ge=1)
    """Requests under way at once, over all runs and addresses."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    first_token_timeout_s: float = Field(default=120.0, gt=0)
    """For replies that are streamed."""
    timeout_s: float = Field(default=600.0, gt=0)
    """For a whole reply, with the retries that it takes and the waits between them."""
    max_retries: int = Field(default=4, ge=0)
    """How often a request is made again that failed for a reason which may pass."""
    prices: dict[str, Price] = Field(default_factory=dict[str, Price])
    """By model. Where a model has none, what it costs is unknown, and is said to be."""
