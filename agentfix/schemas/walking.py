"""What a schema amounts to, before anything is held to it: whether it is one, and how much work it may make."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

SHOWN = 500
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_SAME_VALUE = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}
"""What stands under these is held to the value itself, not to a part of it."""
_SLOW = frozenset({"pattern", "patternProperties", "uniqueItems", "unevaluatedProperties", "unevaluatedItems",
                   "$dynamicRef", "$recursiveRef"})
"""What may take any time, however short the text."""


class WrongSchemaError(ValueError):
    """What is wrong with a schema."""


@dataclass
class _Part:
    """A schema within a schema."""

    same: list[int] = field(default_factory=list[int])
    """Those that are held to the same value."""
    inner: list[int] = field(default_factory=list[int])


def fault_of_schema(schema: Mapping[str, Any]) -> str:
    """What is wrong with a schema, as the end of a sentence; empty where it can be used. May take a second."""
    try:
        require_schema(schema)
        work_of(schema, formats=False)
    except WrongSchemaError as error:
        return str(error)
    return ""


def require_schema(schema: Mapping[str, Any]) -> Any:
    """The validator for a schema's draft.

    Raises:
        WrongSchemaError: it is no schema of that draft.
    """
    if not isinstance(schema.get("$schema", ""), str):
        raise WrongSchemaError("is wrong at $['$schema']: it names no draft")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        raise WrongSchemaError(f"is wrong at {error.json_path[:SHOWN]}: {short(error.message)}") from None
    except (RecursionError, TypeError, ValueError):
        raise WrongSchemaError("is nested too deeply, or no schema") from None
    return kind


def work_of(schema: Mapping[str, Any], *, formats: bool) -> float:
    """How many schemas a value may be held to at most; infinite where that, or the time for one, has no bound.

    Args:
        schema: that is one.
        formats: texts are held to `format`, too.

    Raises:
        WrongSchemaError: it refers to what it does not hold, or to itself without end.
    """
    try:
        parts, slow = _parts(schema, _SLOW | {"format"} if formats else _SLOW)
        _require_end(parts)
        return math.inf if slow else _work(parts, id(schema), {})
    except Unresolvable as error:
        raise WrongSchemaError(f"refers to {str(error.ref)[:200]!r}, which it does not hold") from None
    except RecursionError:
        raise WrongSchemaError("is nested too deeply") from None
    except (ValueError, TypeError, AttributeError) as error:  # an address that is none
        raise WrongSchemaError(f"can't be applied: {short(str(error))}") from None


def _parts(schema: Mapping[str, Any], words: frozenset[str]) -> tuple[dict[int, _Part], bool]:
    """All schemas in one, those that it refers to included, and whether one has one of the words."""
    draft = specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    root = draft.create_resource(cast("Any", schema))
    waiting: list[tuple[Any, Any]] = [(REGISTRY.resolver_with_root(root), root)]
    parts: dict[int, _Part] = {}
    slow = False
    while waiting:
        resolver, resource = waiting.pop()
        contents: Any = resource.contents
        if not isinstance(contents, Mapping) or id(named := cast("Mapping[str, Any]", contents)) in parts:
            continue
        part = parts[id(named)] = _Part()
        slow = slow or not words.isdisjoint(named)
        part.same += (id(each) for each in _same_value(named))
        for each in resource.subresources():
            part.inner.append(id(each.contents))
            waiting.append((resolver.in_subresource(each), each))
        for word in _REFERENCES:
            if isinstance(reference := named.get(word), str):
                found = resolver.lookup(reference)
                part.same.append(id(found.contents))
                waiting.append((found.resolver, draft.create_resource(found.contents)))
    return parts, slow


def _same_value(schema: Mapping[str, Any]) -> Iterator[Any]:
    for word in _SAME_VALUE & schema.keys():
        held: Any = schema[word]
        if word == "dependentSchemas" and isinstance(held, Mapping):
            yield from cast("Mapping[str, Any]", held).values()
        elif isinstance(held, list):
            yield from cast("list[Any]", held)
        else:
            yield held


def _require_end(parts: Mapping[int, _Part]) -> None:
    """Raise WrongSchemaError where a value would be held to a schema again and again."""
    ended: set[int] = set()

    def follow(part: int, above: frozenset[int]) -> None:
        if part in above:
            raise WrongSchemaError("refers to itself without end")
        if part in parts and part not in ended:
            for each in parts[part].same:
                follow(each, above | {part})
            ended.add(part)

    for part in parts:
        follow(part, frozenset())


def _work(parts: Mapping[int, _Part], part: int, known: dict[int, float]) -> float:
    if part not in parts:
        return 1
    if part not in known:
        known[part] = math.inf  # until it is known: what contains itself has no bound
        known[part] = 1 + sum(_work(parts, each, known) for each in {*parts[part].same, *parts[part].inner}) + sum(
            _work(parts, each, known) * (parts[part].same.count(each) - 1) for each in {*parts[part].same})
    return known[part]


def short(text: str) -> str:
    """A text's beginning and end."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN // 2]} [...] {text[-SHOWN // 2:]}"
