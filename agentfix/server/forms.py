"""The form that an answer is to have, as a JSON schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for

from agentfix.server.asked import ResponseFormat
from agentfix.server.failures import Refusal, wrong

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
    await asyncio.to_thread(_check, schema)  # an odd one takes a second
    return schema


def _check(schema: Mapping[str, Any]) -> None:
    try:
        length = len(json.dumps(schema))
        if length > MOST_CHARACTERS:
            raise _refused(f"has {length:,} characters; {MOST_CHARACTERS:,} are possible")
        validator_for(schema, default=Draft202012Validator).check_schema(dict(schema))
        for reference in _references(schema):
            if not reference.startswith("#"):
                raise _refused(f"refers to {reference[:200]!r}, which it does not hold")
    except SchemaError as error:
        raise _refused(f"is wrong at {error.json_path[:200]}: {error.message[:300]}") from None
    except (RecursionError, TypeError, ValueError):
        raise _refused("is nested too deeply, or names no draft") from None


def is_strict(form: ResponseFormat | None) -> bool:
    """Whether an answer that does not fit is none."""
    if form is None or form.type == "text":
        return False
    return form.type == "json_object" or bool(form.json_schema and form.json_schema.strict)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in cast("dict[str, Any]", part).items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(part, list):
        for value in cast("list[Any]", part):
            yield from _references(value)


def _refused(why: str) -> Refusal:
    return wrong(_WHERE, f"The schema {why}.")
