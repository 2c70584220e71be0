"""The form that an answer is to have, as a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentfix.schemas import fault_of_schema
from agentfix.server.asked import ResponseFormat
from agentfix.server.failures import wrong
from agentfix.threads import in_thread

MOST_CHARACTERS = 50_000
_WHERE = "response_format.json_schema"


async def schema_of(form: ResponseFormat | None) -> Mapping[str, Any] | None:
    """The schema that an answer is held to; None where any text will do.

    Raises:
        Refusal: there is none, or it can't be used.
    """
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return {"type": "object"}
    if form.json_schema is None or form.json_schema.schema_ is None:
        raise wrong(_WHERE, "A format of type json_schema holds a schema.")
    schema = form.json_schema.schema_
    await require_schema(_WHERE, schema)
    return schema


async def require_schema(param: str, schema: Mapping[str, Any]) -> None:
    """Refuse a schema that can't be used.

    Args:
        param: the field of the request that holds it.
        schema: the client's.

    Raises:
        Refusal: what is wrong with it.
    """
    if fault := await in_thread(_fault, schema):  # an odd one takes a second
        raise wrong(param, f"The schema {fault}.")


def _fault(schema: Mapping[str, Any]) -> str:
    try:
        length = len(json.dumps(schema))
    except RecursionError:
        return "is nested too deeply"
    if length > MOST_CHARACTERS:
        return f"has {length:,} characters; {MOST_CHARACTERS:,} are possible"
    return fault_of_schema(schema)


def is_strict(form: ResponseFormat | None) -> bool:
    """Whether an answer that does not fit is none."""
    if form is None or form.type == "text":
        return False
    return form.type == "json_object" or bool(form.json_schema and form.json_schema.strict)
