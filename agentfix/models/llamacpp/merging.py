"""JSON schemas taken apart: what several of them demand together, as alternatives that refer to nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, cast
from urllib.parse import unquote

from agentfix.errors import InputError

Schema: TypeAlias = Mapping[str, Any]

_APPLIED = ("$ref", "allOf", "anyOf", "oneOf")
_MOST_ALTERNATIVES = 256
_MOST_PARTS = 50_000
_HIGHER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LOWER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Document:
    """A schema whose parts refer to each other. What lies elsewhere is not fetched, and demands nothing.

    Args:
        root: the whole.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self._parts_left = _MOST_PARTS

    def alternatives(self, schema: Any, seen: frozenset[str] = frozenset()) -> list[Schema]:
        """A part of it as alternatives without `$ref`, `allOf`, `anyOf` and `oneOf` (which is taken for `anyOf`), with
        `enum` for `const` and a list of `patterns` for `pattern`.

        Args:
            schema: the part.
            seen: the references that led here.

        Returns:
            No alternatives where nothing satisfies it.

        Raises:
            InputError: a reference leads nowhere, or references lead to too much.
        """
        if isinstance(schema, bool):
            return [{}] if schema else []
        self._parts_left -= 1
        if not self._parts_left:
            raise InputError("The JSON schema is too large, or its parts refer to each other too often.",
                             "Use a simpler one.")
        found: list[Schema] = [_plain({key: value for key, value in schema.items() if key not in _APPLIED})]
        for options in self._applied(schema, seen):
            if len(found) > 1 and len(found) * len(options) > _MOST_ALTERNATIVES:
                continue  # relaxed: they would be too many to be written
            found = [merged for one in found for other in options if (merged := _both(one, other)) is not None]
        return found

    def _applied(self, schema: Schema, seen: frozenset[str]) -> list[list[Schema]]:
        """For each demand that is made by other schemas, its alternatives."""
        groups = [schema[word] for word in ("anyOf", "oneOf") if word in schema]
        groups += [[part] for part in schema.get("allOf", ())]
        found = [[flat for option in group for flat in self.alternatives(option, seen)] for group in groups]
        reference = str(schema.get("$ref", ""))
        if reference in seen:
            found.append([])  # what only refers to itself adds nothing
        elif reference == "#" or reference.startswith("#/"):
            found.append(self.alternatives(self.target(reference), seen | {reference}))
        return found

    def target(self, reference: str) -> Any:
        """What a reference within the document leads to.

        Raises:
            InputError: it leads nowhere.
        """
        target: Any = self.root
        try:
            for part in reference.split("/")[1:]:
                step = unquote(part).replace("~1", "/").replace("~0", "~")
                target = cast(Any, target[int(step)] if isinstance(target, list) else target[step])
        except (LookupError, TypeError, ValueError):
            target = None
        if not isinstance(target, dict | bool):
            raise InputError(f"The JSON schema refers to {reference!r}, where it has no schema.",
                             "Correct the reference.")
        return cast(Any, target)


def all_of(*schemas: Any) -> Any:
    """A schema that demands what each of these does."""
    demanding = list[Any]()
    for schema in schemas:
        parts = [schema] if isinstance(schema, bool) or schema.keys() != {"allOf"} else schema["allOf"]
        demanding += [part for part in parts if part is not True and part not in demanding]
    return True if not demanding else demanding[0] if len(demanding) == 1 else {"allOf": demanding}


def _plain(schema: dict[str, Any]) -> Schema:
    """With one word for each demand: `const` and lists of items (before draft 2020-12) are said otherwise."""
    if "const" in schema:
        const = schema.pop("const")
        schema["enum"] = _common(schema.get("enum", [const]), [const])
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        schema["items"] = schema.pop("additionalItems", True)
    if "pattern" in schema:
        schema["patterns"] = [schema.pop("pattern")]
    return schema


def _common(one: list[Any], other: list[Any]) -> list[Any]:
    """Compared as JSON: to Python, true is 1."""
    others = {json.dumps(value, sort_keys=True) for value in other}
    return [value for value in one if json.dumps(value, sort_keys=True) in others]


def _both(one: Schema, other: Schema) -> Schema | None:
    """What two schemas without references demand together; None where that can't be."""
    if not one or not other:
        return one or other
    merged = {**one, **other}
    for word in one.keys() & other.keys():
        if word in _HIGHER or word in _LOWER:
            merged[word] = (max if word in _HIGHER else min)(one[word], other[word])
        elif word == "enum":
            merged[word] = _common(one[word], other[word])
        elif word in ("required", "patterns"):
            merged[word] = list(dict.fromkeys([*one[word], *other[word]]))
        elif word == "format":
            merged[word] = one[word]  # the other is relaxed
        elif word in ("items", "additionalProperties", "propertyNames"):
            merged[word] = all_of(one[word], other[word])
    if "type" in one and "type" in other:
        merged["type"] = _common_types(types_of(one), types_of(other))
    if "properties" in one or "properties" in other:
        merged["properties"] = _properties(one, other)
    if "prefixItems" in one or "prefixItems" in other:
        merged["prefixItems"] = _first_items(one, other)
    return None if merged.get("type") == [] or merged.get("enum") == [] else merged


def _properties(one: Schema, other: Schema) -> dict[str, Any]:
    """A property of one alone is an additional one to the other."""
    mine, theirs = one.get("properties", {}), other.get("properties", {})
    return {
        name: all_of(mine.get(name, True if name in theirs and "patternProperties" in one
                              else one.get("additionalProperties", True)),
                     theirs.get(name, True if name in mine and "patternProperties" in other
                                else other.get("additionalProperties", True)))
        for name in dict.fromkeys([*mine, *theirs])}


def _first_items(one: Schema, other: Schema) -> list[Any]:
    mine, theirs = one.get("prefixItems", []), other.get("prefixItems", [])
    return [all_of(mine[i] if i < len(mine) else one.get("items", True),
                   theirs[i] if i < len(theirs) else other.get("items", True))
            for i in range(max(len(mine), len(theirs)))]


def types_of(schema: Schema) -> list[str]:
    """Its types as a list, a number being no integer apart."""
    said: Any = schema["type"]
    types: list[str] = [said] if isinstance(said, str) else list(said)
    return [each for each in types if each != "integer" or "number" not in types]


def _common_types(one: list[str], other: list[str]) -> list[str]:
    both = [each for each in one if each in other]
    if "integer" in {*one, *other} and "number" in {*one, *other} and "number" not in both:
        both.append("integer")
    return list(dict.fromkeys(both))
