"""The hash of a request: what makes two calls the same call, in every journal and recording."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agentfix.types import ModelRequest, Sampling, ToolCall

_LATER = ("regex",)
_LATER_OF_SAMPLING = ("top_k", "min_p", "repeat_penalty", "frequency_penalty", "presence_penalty", "logit_bias")
"""Fields that came after the first recordings: left out where nothing is set, so that older ones are found."""
_UNSET = Sampling()


def model_body(model: str, request: ModelRequest) -> dict[str, Any]:
    """A model request as plain JSON: all that determines the reply.

    Args:
        model: its name.
        request: what it is asked; `max_calls` and `static_messages` are left out: they do not change what is asked; so
            is what tools may do, of which the model is not told.
    """
    body: dict[str, Any] = {"model": model, **asdict(request)}
    del body["max_calls"], body["static_messages"]
    body["tools"] = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in request.tools]
    for name in _LATER:
        if getattr(request, name) is None:
            del body[name]
    for name in _LATER_OF_SAMPLING:
        if getattr(request.sampling, name) == getattr(_UNSET, name):
            del body["sampling"][name]
    return body


def tool_body(call: ToolCall) -> dict[str, Any]:
    """A tool call as plain JSON."""
    return {"tool": call.tool, "arguments": dict(call.arguments)}


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of a request's canonical JSON, in hexadecimal."""
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
