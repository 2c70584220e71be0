"""What a tool or a plugin gave back, made an observation that can be shown, kept and read back the same."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentfix.types import Observation

OBSERVATION_CHARS = 8000
"""Longer tool texts are cut: what a tool says must not flood a prompt or the journal."""
DATA_BYTES = 1_000_000
"""Larger data is left out."""
_OURS = frozenset({"repeated", "missing", "budget", "unknown"})
"""What the engine says of calls that it did not make: a tool that says so too was made."""
_OBSERVATION = TypeAdapter(Observation)


def kept(tool: str, said: Any) -> tuple[Observation, int]:
    """The observation as the journal will have it.

    Args:
        tool: who said it, whatever the observation says.
        said: what came back.

    Returns:
        It, in plain JSON, bounded; and how many bytes of data were left out of it.

    Raises:
        TypeError: it is none, or can't be written as JSON.
    """
    if not isinstance(said, Observation):
        raise TypeError(f"it returned {type(said).__name__}, not an Observation")
    try:
        text = json.dumps(asdict(said))
        observation = _OBSERVATION.validate_python(json.loads(text, parse_constant=str))  # NaN is no JSON
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise TypeError(f"the {first['loc'][0]} of its Observation is wrong: {first['msg']}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"what it returned can't be written as JSON: {error}") from error
    left_out_bytes = len(text) if len(text) > DATA_BYTES + len(observation.text) else 0
    status = "error" if observation.status in _OURS else observation.status
    if left_out_bytes:
        observation = replace(observation, data={})
    text = head_and_tail(observation.text, OBSERVATION_CHARS)
    return replace(observation, tool=tool, status=status, text=text), left_out_bytes


def head_and_tail(text: str, limit_chars: int) -> str:
    """The text; where it is longer than the limit, its head and its tail, with a mark between them."""
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]} [... {len(text) - limit_chars} characters cut ...] {text[len(text) - (limit_chars - half):]}"
