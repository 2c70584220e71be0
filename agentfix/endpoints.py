"""Endpoints: where models that speak OpenAI's protocol are, and how they are to be treated. Holds no key."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+", strip_whitespace=True)]


class Price(BaseModel):
    """Money for a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_urls: tuple[Url, ...] = Field(min_length=1)
    """Addresses up to `/v1`. The least loaded one is asked; one that fails is left alone for a while."""
    key: str = ""
    """Name of the environment variable, or of the keyring entry of service `agentfix`, that holds the key. Never the
    key itself: settings are written down."""
    max_concurrency: int = Field(default=64, ge=1)
    """Requests under way at once, over all runs and addresses."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    first_token_timeout_s: float = Field(default=120.0, gt=0)
    """For replies that are streamed."""
    timeout_s: float = Field(default=600.0, gt=0)
    """For a whole reply."""
    max_retries: int = Field(default=4, ge=0)
    """How often a request is made again that failed for a reason which may pass."""
    prices: dict[str, Price] = Field(default_factory=dict[str, Price])
    """By model. Where a model has none, what it costs is unknown, and is said to be."""
