"""What a request to a model may take: within the server's own limits, and within what its key has left."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace

from agentfix.endpoints import Price
from agentfix.protocols import Model
from agentfix.server.account import Hold
from agentfix.server.failures import NEVER_AGAIN, Refusal, wrong
from agentfix.settings import LOCAL, Settings, split_model
from agentfix.types import ModelRequest, Usage

CHARACTERS_A_TOKEN, TOKENS_AN_IMAGE = 4, 1000
"""Guesses, for prompts that no model has counted."""


def price_of(spec: str, model: Model) -> Price | None:
    """What a model's tokens cost; None where nobody knows."""
    price = Price(input=0, output=0) if split_model(spec)[0] == LOCAL else getattr(model, "price", None)
    return price if isinstance(price, Price) else None


def guessed(texts: Iterable[str], images: int) -> int:
    """The tokens of a prompt."""
    return sum(map(len, texts)) // CHARACTERS_A_TOKEN + images * TOKENS_AN_IMAGE


def prompt_tokens(request: ModelRequest) -> int:
    """A guess at those of a request."""
    texts = [message.content for message in request.messages]
    texts += [json.dumps(dict(call.arguments)) for message in request.messages for call in message.tool_calls]
    texts += [tool.description + json.dumps(dict(tool.parameters)) for tool in request.tools]
    return guessed(texts, sum(len(message.images) for message in request.messages))


def usage_of(prompt: int, completion: int, price: Price | None) -> Usage:
    """The usage of a call that was left before the model told it."""
    cost = None if price is None else price.of(prompt, 0, completion)
    return Usage(prompt, 0, completion, cost=cost, estimated=True)


def limited(request: ModelRequest, settings: Settings, price: Price | None) -> ModelRequest:
    """A request within the server's limits, which are those of a run.

    Raises:
        Refusal: too many completions are asked for, or the prompt alone is too dear.
    """
    cost = math.inf if settings.max_cost is None else settings.max_cost
    tokens = math.inf if settings.max_tokens is None else settings.max_tokens
    prompt = 0 if price is None else prompt_tokens(request)
    most = _most(request.n, tokens, cost, prompt, price)
    if most < 1 or settings.max_model_calls == 0:
        raise wrong("n", "This server allows no request as large as this. Ask for fewer completions, or less.")
    return replace(_bounded(request, most), max_calls=settings.max_model_calls)


def wanted(request: ModelRequest, prompt: int, price: Price | None) -> tuple[float, float]:
    """The tokens and the money to set aside for a request."""
    completions = request.n * request.sampling.max_tokens
    return prompt + completions, math.inf if price is None else price.of(prompt, 0, completions)


def within(request: ModelRequest, prompt: int, price: Price | None, hold: Hold) -> ModelRequest:
    """A request that takes no more than was set aside for it.

    Raises:
        Refusal: it can't take so little.
    """
    most = _most(request.n, hold.tokens - prompt, hold.cost, prompt, price)
    if most < 1:
        raise Refusal(429, "What is left of this key's budget is less than this request takes.", "insufficient_quota",
                      "insufficient_quota", headers=NEVER_AGAIN)
    return _bounded(request, most)


def _most(n: int, tokens: float, cost: float, prompt: int, price: Price | None) -> float:
    """Tokens that each completion may have."""
    if price is not None and not math.isinf(cost):
        rest = cost - price.of(prompt, 0, 0)
        tokens = min(tokens, rest * 1e6 / price.output if price.output else math.inf if rest >= 0 else 0)
    return tokens // n


def _bounded(request: ModelRequest, most: float) -> ModelRequest:
    tokens = min(request.sampling.max_tokens, most)
    return replace(request, sampling=replace(request.sampling, max_tokens=int(tokens)))
