"""Arguments made up from a JSON schema: the plainest ones first, then whatever the schema lets through."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from jsonschema import Draft202012Validator

from agentfix.errors import InputError
from agentfix.models.llamacpp.expressions import Chars, Choice, Expression, Repeat, Sequence
from agentfix.models.llamacpp.merging import Document, Schema, types_of
from agentfix.models.llamacpp.regexes import UnsupportedRegexError, expression_of
from agentfix.models.llamacpp.strings import limited, with_format

_TEXTS = ("two words", "", " ", "42", "-1", "0.5", "a" * 300, "Ärger, 日本語, 🙂", "line one\nline two", "a'b\"c\\d",
          "null", "<b>&amp;</b>", "name@example.org", "2026-01-31", "https://example.org/", "%s {0} {x} $y", "\x00\x07",
          "Paris")
_NUMBERS = (1, 0, -1, 2, 7, 100, 2**31, -(2**63), 10**18)
_FRACTIONS = (0.5, -2.25, 1e-9, 3.0e8)
_NAMES = ("a", "some key", "0", "ключ")
_MOST_DEPTH = 5
_TRIES = 20


def sampled(schema: Any, count: int, seed: int) -> list[dict[str, Any]]:
    """Different arguments that satisfy a schema; fewer than asked for where there are not so many.

    Args:
        schema: of an object.
        count: how many.
        seed: the same one gives the same arguments.

    Raises:
        InputError: the schema refers to what is not there.
    """
    validator: Any = Draft202012Validator(schema)
    found: dict[str, dict[str, Any]] = {}
    for number in range(count * _TRIES):
        if len(found) == count:
            break
        made = _Sampler(schema, random.Random(f"{seed}:{number}"), plain=number).value(schema)
        if isinstance(made, dict) and validator.is_valid(made):
            found.setdefault(json.dumps(made, sort_keys=True), made)  # pyright: ignore[reportUnknownArgumentType]
    return [*found.values()]


def exemplary(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls that a schema's examples make: the first of each argument together, then the second ones, and so on.
    None where a required argument has neither an example nor a default."""
    known: Mapping[str, Any] = schema.get("properties", {})
    said: dict[str, list[Any]] = {
        name: part["examples"] for name, part in known.items() if isinstance(part, dict) and "examples" in part}
    missing = [name for name in schema.get("required", ()) if name not in said and "default" not in known.get(name, {})]
    validator: Any = Draft202012Validator(schema)
    if missing or not all(said.values()) or not said:
        return []
    made = [{name: each[min(number, len(each) - 1)] for name, each in said.items()}
            for number in range(max(map(len, said.values())))]
    return [each for each in made if validator.is_valid(each)]


class _Sampler:
    """Makes one value.

    Args:
        root: the whole schema.
        random: where chance comes from.
        plain: 0 for the plainest value with what is required only, 1 for the plainest with everything; above, any.
    """

    def __init__(self, root: Any, random: random.Random, plain: int) -> None:
        self._document = Document(root)
        self._random = random
        self._number = plain
        self._depth = 0

    def value(self, schema: Any) -> Any:
        """A value that is likely to satisfy a part of the schema."""
        options = self._document.alternatives(schema)
        if not options:
            return None
        flat = options[0] if self._number < 2 or self._depth > _MOST_DEPTH else self._random.choice(options)
        said = [value for key in ("examples", "enum") for value in flat.get(key, ())]
        if "default" in flat and self._number < 2:
            return flat["default"]
        if said and ("enum" in flat or self._number < 2 or self._random.random() < 0.5):
            return said[0] if self._number < 2 else self._random.choice(said)
        types = types_of(flat) if "type" in flat else self._implied(flat)
        kind = types[0] if self._number < 2 else self._random.choice(types)
        makers: Mapping[str, Callable[[Schema], Any]] = {
            "object": self._object, "array": self._array, "string": self._string, "integer": self._integer,
            "number": self._real, "boolean": lambda _: bool(self._pick((True, False))), "null": lambda _: None}
        self._depth += 1
        try:
            return makers[kind](flat)
        finally:
            self._depth -= 1

    def _implied(self, schema: Schema) -> list[str]:
        if "properties" in schema or "required" in schema:
            return ["object"]
        return ["array"] if "items" in schema or "prefixItems" in schema else ["string", "integer", "boolean"]

    def _pick(self, options: Any) -> Any:
        return options[0] if self._number < 2 else self._random.choice(options)

    def _object(self, schema: Schema) -> dict[str, Any]:
        known: Mapping[str, Any] = schema.get("properties", {})
        required = [*schema.get("required", ())]
        chance = {0: 0.0, 1: 1.0}.get(self._number, 0.6) if self._depth <= _MOST_DEPTH else 0.0
        names = [name for name in known if name in required or self._random.random() < chance]
        further = schema.get("additionalProperties", True)
        made = {name: self.value(known.get(name, further)) for name in dict.fromkeys([*names, *required])}
        fewest = schema.get("minProperties", 0)
        if isinstance(further, dict) and self._number and self._depth <= _MOST_DEPTH:
            fewest = max(fewest, self._random.randrange(3))
        for name in _NAMES[:max(0, fewest - len(made))]:
            made[name] = self.value(further)
        return made

    def _array(self, schema: Schema) -> list[Any]:
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 4))
        length = least if self._number == 0 or self._depth > _MOST_DEPTH else max(
            least, min(most, 1 if self._number == 1 else self._random.randrange(5)))
        first: list[Any] = schema.get("prefixItems", [])[:max(length, least)]
        rest = schema.get("items", True)
        return [self.value(part) for part in first] + [self.value(rest) for _ in range(length - len(first))]

    def _string(self, schema: Schema) -> str:
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10_000))
        wanted = [pattern for pattern in schema.get("patterns", ())]
        with suppress(UnsupportedRegexError, IndexError):
            expression = expression_of(wanted[0], anywhere=True) if wanted else with_format(schema.get("format", ""))
            if expression is not None:
                return self._written(limited(expression, least, schema.get("maxLength")))
        text = str(self._pick(_TEXTS))
        return text[:most] if len(text) > most else text + "x" * (least - len(text))

    def _written(self, expression: Expression) -> str:
        match expression:
            case Chars(ranges):
                first, last = self._pick(ranges)
                shown = max(first, 0x61) if first <= 0x61 <= last else first
                return chr(shown if self._number < 2 else self._random.randint(first, min(last, first + 0x60)))
            case Sequence(parts):
                return "".join(map(self._written, parts))
            case Choice(options):
                return self._written(self._pick(options))
            case Repeat(item, least, most):
                extra = 0 if self._number < 2 else self._random.randrange(4)
                times = least + extra if most is None else min(most, least + extra)
                return "".join(self._written(item) for _ in range(times))
            case _:
                return ""

    def _integer(self, schema: Schema) -> int:
        return int(self._within(schema, self._pick(_NUMBERS), whole=True))

    def _real(self, schema: Schema) -> float:
        return self._within(schema, self._pick((*_NUMBERS[:6], *_FRACTIONS)), whole=False)

    def _within(self, schema: Schema, number: float, *, whole: bool) -> float:
        step = 1 if whole else 0.5
        lowest = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
        highest = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
        if lowest is not None and number < lowest:
            number = lowest
        if highest is not None and number > highest:
            number = highest
        if lowest is not None and highest is not None and self._number > 1:
            middle = (lowest + highest) / 2
            number = self._random.choice([lowest, highest, round(middle) if whole else middle])
        factor = schema.get("multipleOf")
        return number if factor is None else round(number / factor) * factor


def with_text(schema: Any, text: str) -> dict[str, Any] | None:
    """The plainest arguments with a text in every place that takes it; None where there is no such place."""
    try:
        [plainest] = sampled(schema, 1, 0)
    except (ValueError, InputError):
        return None
    validator: Any = Draft202012Validator(schema)
    known: Mapping[str, Any] = schema.get("properties", {})
    made = dict(plainest)
    for name in known:
        if validator.is_valid({**made, name: text}):
            made[name] = text
    return made if made != plainest else None
