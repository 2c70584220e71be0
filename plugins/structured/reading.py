"""Reads JSON out of what a model wrote."""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL)
LONGEST = 1_000_000
"""Characters that are read."""


def read(text: str) -> Any:
    """The JSON value that a text is, or that stands in its last block; None where there is none, or it is null."""
    if len(text) > LONGEST:
        return None
    for candidate in (text, *reversed(_FENCE.findall(text))):
        try:
            return json.loads(candidate, parse_constant=_refused)
        except (ValueError, RecursionError):
            continue
    return None


def member(value: Any, name: str) -> Any:
    """A member of an object; the value itself where it is none, or has none of that name."""
    return cast("dict[str, Any]", value).get(name, value) if isinstance(value, dict) else value


def plain(value: Any) -> Any:
    """A value in which equal numbers are written alike."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [plain(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
