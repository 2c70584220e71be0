"""Replies that shall satisfy a JSON schema, or match a regular expression, where no server enforces it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from agentfix.errors import InputError
from agentfix.types import Message, ModelRequest

MAX_REPAIRS = 2
_FENCE = re.compile(r"^\s*```\w*\s*\n(.*?)\n?```\s*$", re.DOTALL)


def is_held(request: ModelRequest) -> bool:
    """Whether a request says how its replies must be written.

    Raises:
        InputError: it says so twice, or with a regular expression that is none.
    """
    if request.regex is None:
        return request.schema is not None
    if request.schema is not None:
        raise InputError("A completion can't be held to a JSON schema and a regular expression at once.",
                         "Give one of them; a schema of a string may have a `pattern`.")
    try:
        re.compile(request.regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"The regular expression {request.regex!r} is not valid ({error}).", "Correct it.") from None
    return True


def wanted_in(text: str, request: ModelRequest) -> str:
    """A reply without the code fence that models like to put around what they are asked for."""
    fenced = _FENCE.match(text)
    found = fenced.group(1) if fenced else text.strip()
    return text if request.regex is not None and re.fullmatch(request.regex, text) else found


def fault_of(text: str, request: ModelRequest) -> str:
    """What is wrong with a reply; empty when it is as the request says."""
    if request.regex is not None:
        matches = re.fullmatch(request.regex, text)
        return "" if matches else f"it does not match the regular expression {request.regex} from its start to its end"
    return "" if request.schema is None else _schema_fault(text, request.schema)


def _schema_fault(text: str, schema: Mapping[str, Any]) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"it is no JSON ({error})"
    try:
        Draft202012Validator.check_schema(schema)
        # An empty registry: what the schema refers to is not fetched.
        wrong = next(iter(Draft202012Validator(dict(schema), registry=Registry()).iter_errors(value)), None)
    except (SchemaError, Unresolvable):
        return ""  # nothing can satisfy it; not the reply's fault
    return "" if wrong is None else f"at {wrong.json_path}: {str(wrong.message)[:300]}"


def repair(text: str, fault: str, request: ModelRequest) -> tuple[Message, Message]:
    """The two messages that ask for a better reply."""
    wanted = "JSON" if request.regex is None else "text"
    return (Message("assistant", text[:4000] or "(nothing)"),
            Message("user", f"That reply can't be used: {fault}. Reply with the corrected {wanted} and nothing else."))
