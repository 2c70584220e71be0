"""Replies that shall satisfy a JSON schema where no server enforces it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from agentfix.types import Message

MAX_REPAIRS = 2
_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?```\s*$", re.DOTALL)


def json_in(text: str) -> str:
    """A reply without the code fence that models like to put around JSON."""
    fenced = _FENCE.match(text)
    return fenced.group(1) if fenced else text.strip()


def fault_of(text: str, schema: Mapping[str, Any]) -> str:
    """What is wrong with a reply; empty when it satisfies the schema."""
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


def repair(text: str, fault: str) -> tuple[Message, Message]:
    """The two messages that ask for a better reply."""
    return (Message("assistant", text[:4000] or "(nothing)"),
            Message("user", f"That reply can't be used: {fault}. Reply with the corrected JSON and nothing else."))
