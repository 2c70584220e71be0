"""A server's schema of a tool's arguments, made fit to be shown to a model and to be checked against.

It comes from a stranger. Checking arguments against it must end soon and fetch nothing, so references stay within it,
may not multiply, and patterns are left to the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator, SchemaError

from agentfix import defused

from .words import line, shown

MOST_CHARACTERS = 30_000
MOST_DEEP = 40
MOST_PARTS = 5_000
"""Subschemas, with every reference followed."""
_DESCRIPTION_CHARACTERS = 500
_OF_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose values hold schemas by names of their own."""
_OF_THE_SAME = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
"""Keywords whose schemas speak of the same value as they do."""
_DATA = frozenset({"const", "enum", "default", "examples", "required", "type", "dependentRequired"})
_DROPPED = frozenset({"$schema", "$comment", "pattern", "patternProperties", "propertyNames", "contentSchema"})
"""A hostile pattern takes for ever; what the others say is the server's to check."""
_REFUSED = frozenset({"$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor", "$vocabulary"})

Schema = dict[str, Any]


def usable(schema: Mapping[str, Any]) -> Schema:
    """The schema as it is used.

    Args:
        schema: as the server gave it.

    Raises:
        ValueError: it can't be used; says why.
    """
    try:
        size = len(json.dumps(schema, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"its schema is no JSON: {line(str(error))}") from error
    if size > MOST_CHARACTERS:
        raise ValueError(f"its schema has {size:,} characters, more than {MOST_CHARACTERS:,}")
    if schema.get("type") != "object":
        raise ValueError("its schema is not of an object")
    copied = _schema(dict(schema), 0)
    copied.setdefault("properties", {})
    try:
        Draft202012Validator.check_schema(copied)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(f"its schema is wrong at {line(where, 100) or 'its root'}: {line(error.message)}") from error
    _Sizes(copied).of(copied, frozenset({"#"}), frozenset({"#"}))
    return copied


def _schema(schema: Schema, depth: int) -> Schema:
    """A copy without what is dropped, its texts bounded."""
    if depth > MOST_DEEP:
        raise ValueError("its schema is nested too deeply")
    kept: Schema = {}
    for key, value in schema.items():
        if key in _REFUSED or (key == "$id" and isinstance(value, str)):
            raise ValueError(f"its schema uses {key!r}")
        if key in _DROPPED:
            continue
        if key in ("description", "title") and isinstance(value, str):
            kept[key] = defused(shown(value, _DESCRIPTION_CHARACTERS))
        elif key == "$ref" and isinstance(value, str) and not value.startswith("#"):
            raise ValueError("its schema refers to another document")
        elif key in _OF_SCHEMAS and isinstance(value, dict):
            named = cast("dict[str, Any]", value)
            kept[key] = {_plain(name): _part(part, depth + 1) for name, part in named.items()}
        else:
            kept[_plain(key)] = _plain(value) if key in _DATA else _part(value, depth + 1)
    if "patternProperties" in schema:
        kept.pop("additionalProperties", None)  # it would refuse what the patterns allow
    return kept


def _part(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return _schema(cast("Schema", value), depth)
    if isinstance(value, list):
        return [_part(part, depth) for part in cast("list[Any]", value)]
    return _plain(value)


def _plain(value: Any) -> Any:
    """A name or a value, as it is. It can't be told in another way, as a description can."""
    if isinstance(value, str):
        if defused(value) != value:
            raise ValueError(f"its schema holds {line(defused(value), 60)!r}, which would pass for a turn in a prompt")
    elif isinstance(value, dict):
        for name, part in cast("Schema", value).items():
            _plain(name)
            _plain(part)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            _plain(part)
    return cast("Any", value)


class _Sizes:
    """Counts subschemas with references followed: doubling at each of thirty steps is a billion checks."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._known: dict[str, int] = {}

    def of(self, value: Any, within: frozenset[str], here: frozenset[str]) -> int:
        """How many subschemas a check may visit. One that comes back to itself further down in the arguments is bounded
        by their depth.

        Args:
            value: a schema, or a list of schemas.
            within: the references that led here.
            here: those of them that speak of the same part of the arguments.

        Raises:
            ValueError: too many; or a reference leads nowhere, or round in a circle.
        """
        count = 0
        if isinstance(value, dict):
            schema = cast("Schema", value)
            reference = schema.get("$ref")
            count = 1 + (self._behind(reference, within, here) if isinstance(reference, str) else 0)
            for key, part in schema.items():
                if key in _OF_SCHEMAS and isinstance(part, dict):
                    named = [] if key in ("$defs", "definitions") else list(cast("Schema", part).values())
                    count += self.of(named, within, here if key == "dependentSchemas" else frozenset())
                elif key not in _DATA:
                    count += self.of(part, within, here if key in _OF_THE_SAME else frozenset())
        elif isinstance(value, list):
            count = sum(self.of(part, within, here) for part in cast("list[Any]", value))
        if count > MOST_PARTS:
            raise ValueError("its schema's references multiply")
        return count

    def _behind(self, reference: str, within: frozenset[str], here: frozenset[str]) -> int:
        if reference in here:
            raise ValueError(f"its schema refers to {line(reference, 100)} in a circle")
        if reference in within:
            return 0
        if len(within) >= MOST_DEEP:
            raise ValueError("its schema's references go on too long")
        if reference not in self._known:
            self._known[reference] = self.of(self._at(reference), within | {reference}, here | {reference})
        return self._known[reference]

    def _at(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise ValueError(f"its schema refers to {line(reference, 100)}, which it has not")
        found: Any = self._root
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = cast("Schema", found)[name]
            elif isinstance(found, list) and name.isdigit() and int(name) < len(cast("list[Any]", found)):
                found = cast("list[Any]", found)[int(name)]
            else:
                raise ValueError(f"its schema refers to {line(reference, 100)}, which it has not")
        if not isinstance(found, dict | bool):
            raise ValueError(f"its schema refers to {line(reference, 100)}, which is no schema")
        return cast("Any", found)
