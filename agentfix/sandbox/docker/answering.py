"""Calls of functions of the host, as a program in a box asks for them: what it asks is data, checked strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import ToolError
from agentfix.protocols import HostFunction

ANSWER_BYTES = 128 * 2**10
"""Longer answers are not given: the worker's channel to a program takes one of this size at once."""
_MESSAGE_CHARACTERS = 10_000
_CALL: TypeAdapter[tuple[str, list[Any], dict[str, Any]]] = TypeAdapter(tuple[str, list[Any], dict[str, Any]])


async def answer(asked: bytes, functions: Mapping[str, HostFunction]) -> bytes:
    """Make a call, and say what came of it.

    Args:
        asked: name, arguments and named arguments, as JSON.
        functions: those that the program was given.

    Returns:
        A JSON object with `value` or `error`.

    Raises:
        BaseException: whatever a function raises that is no ToolError; TypeError and ValueError where it returns what
            JSON can't say.
    """
    try:
        name, arguments, named = _CALL.validate_json(asked, strict=False)
    except ValidationError:
        return _said(error="This is no call.")
    if name not in functions:
        return _said(error=f"There is no function {name!r}.")
    try:
        value = await functions[name](*arguments, **named)
    except ToolError as error:
        return _said(error=str(error)[:_MESSAGE_CHARACTERS])
    said = _said(value=value)
    return said if len(said) <= ANSWER_BYTES else _said(error=f"{name}() gave more than {ANSWER_BYTES} bytes.")


def _said(**answer: Any) -> bytes:
    return json.dumps(answer, allow_nan=False).encode()
