"""JSON schemas as grammars.

Written anew because llama-cpp-python's converter fails whole on what it does not know, and is silently wrong on more:
it lets line ends into strings, confuses references of one name, drops what stands beside `anyOf`, `$ref` or a list of
types, takes `{}` for an object, and copies patterns unescaped into JSON. Here what can't be said is left out, and all
else holds.

As in llama.cpp, properties come in the schema's order, and an object has none that its schema does not name, unless
`additionalProperties` says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, cast

from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from agentfix.errors import InputError
from agentfix.models.llamacpp.expressions import (
    ANYTHING,
    EMPTY,
    MOST_TIMES,
    NOTHING,
    Expression,
    Rule,
    as_gbnf,
    chars,
    choice,
    one_of,
    optional,
    repeated,
    sequence,
    text,
)
from agentfix.models.llamacpp.merging import Document, Schema, all_of, types_of
from agentfix.models.llamacpp.ranges import integers, numbers
from agentfix.models.llamacpp.regexes import UnsupportedRegexError, expression_of
from agentfix.models.llamacpp.strings import limited, other_than, quoted, with_format

_SPACE = optional(choice(text(" "), sequence(text("\n"), repeated(chars([(0x09, 0x09), (0x20, 0x20)]), 0, 20))))
_COMMA = sequence(text(","), _SPACE)
_WORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames",
                         "minProperties", "maxProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "patterns", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(), "null": frozenset(),
}
"""What is read of a schema for each type."""
_LARGEST = 10**30


def checked(schema: Any) -> Any:
    """A copy of a schema, as JSON.

    Raises:
        InputError: it is none.
    """
    try:
        whole = dict(cast(Schema, schema)) if isinstance(schema, Mapping) else schema
        plain = json.loads(json.dumps(whole, allow_nan=False))
        faults = [fault for draft in (Draft202012Validator, Draft7Validator, Draft4Validator)
                  if (fault := _fault(draft, plain))]
    except RecursionError:
        raise InputError("The JSON schema is too deep.", "Use a simpler one.") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"The JSON schema is no JSON: {error}.", "Give plain dictionaries and lists.") from None
    if len(faults) == 3:
        raise InputError(f"The JSON schema is not valid: {faults[0]}.", "Correct it.")
    return plain


def _fault(draft: Any, schema: Any) -> str:
    try:
        draft.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        return f"at {error.json_path}: {str(error.message)[:200]}"
    return ""


def schema_gbnf(schema: Any) -> str:
    """A grammar of the JSON texts that satisfy a schema, or would if nothing in it had to be left out.

    Args:
        schema: as `checked` returns it.

    Raises:
        InputError: nothing satisfies it, or it is too deep.
    """
    converter = _Converter(schema)
    try:
        return as_gbnf(converter.value(schema), converter.rules)
    except LookupError:
        raise InputError("Nothing can satisfy the JSON schema.", "Correct it.") from None
    except RecursionError:
        raise InputError("The JSON schema is too deep.", "Use a simpler one.") from None


class _Converter:
    def __init__(self, root: Any) -> None:
        self._document = Document(root)
        self._names: dict[str, Rule] = {}
        self.rules: dict[str, Expression] = {}

    def value(self, schema: Any) -> Expression:
        """What satisfies a schema."""
        flat = self._document.alternatives(schema)
        values = (value for each in flat if "enum" in each for value in filter(self._validator(each), each["enum"]))
        return choice(one_of(json.dumps(value, ensure_ascii=False) for value in values),
                      *(self._open(each) for each in flat if "enum" not in each))

    def _open(self, schema: Schema) -> Expression:
        """Of a schema that does not list its values."""
        said = [kind for kind, words in _WORDS.items() if words & schema.keys() and kind != "integer"]
        types = types_of(schema) if "type" in schema else said or [kind for kind in _WORDS if kind != "integer"]
        return choice(*(self._typed(kind, schema) for kind in types))

    def _validator(self, schema: Schema) -> Callable[[Any], bool]:
        """Tells whether a value satisfies a schema; what can't be told is let pass."""
        said = {word: value for word, value in schema.items() if word != "enum"}
        whole = {**said, "allOf": [{"pattern": pattern} for pattern in schema.get("patterns", ())]}
        validator = Draft202012Validator(self._document.root, registry=Registry()).evolve(schema=whole)

        def satisfies(value: Any) -> bool:
            try:
                return validator.is_valid(value)
            except (Unresolvable, re.error, ValueError):  # the last for an `$id` that is no address
                return True

        return satisfies

    def _typed(self, kind: str, schema: Schema) -> Expression:
        match kind:
            case "null":
                return text("null")
            case "boolean":
                return choice(text("true"), text("false"))
            case "integer" | "number":
                return _number(kind, schema)
            case "string":
                return _string(schema)
            case _:
                return self._rule(kind, schema)

    def _rule(self, kind: str, schema: Schema) -> Expression:
        """Arrays and objects have rules of their own, for what refers to itself."""
        read = {word: schema[word] for word in _WORDS[kind] if word in schema}
        key = kind + json.dumps(read)
        if key not in self._names:
            self._names[key] = Rule(f"{kind}-{len(self._names)}")
            found = self._object(schema) if kind == "object" else self._array(schema)
            if found == NOTHING:
                del self._names[key]
                return NOTHING
            self.rules[self._names[key].name] = found
        return self._names[key]

    # --- arrays -----------------------------------------------------------------------------------------------------

    def _array(self, schema: Schema) -> Expression:
        least, most = _times(schema, "minItems", "maxItems")
        before = list[Expression]()
        for item in schema.get("prefixItems", [])[:most]:
            before.append(self.value(item))
            if before[-1] == NOTHING:
                most, _ = len(before) - 1, before.pop()
                break
        left = None if most is None else most - len(before)
        inner = _list(self.value(schema.get("items", True)), max(0, least - len(before)), left, begun=bool(before))
        for i in reversed(range(len(before))):
            here = sequence(_COMMA if i else EMPTY, before[i], inner)
            inner = here if i < least else optional(here)
        return sequence(text("["), _SPACE, inner, _SPACE, text("]"))

    # --- objects ----------------------------------------------------------------------------------------------------

    def _object(self, schema: Schema) -> Expression:
        required = list[str](schema.get("required", ()))
        further = schema.get("additionalProperties", True)
        patterns: Mapping[str, Any] = schema.get("patternProperties", {})
        known: dict[str, Any] = {**schema.get("properties", {})}
        known |= {name: further for name in required if name not in known}
        known = {name: all_of(value, *(patterns[each] for each in patterns if _found(each, name)))
                 for name, value in known.items()}
        if known and "additionalProperties" not in schema:
            further = False
        more = self._more(schema, patterns, further, known)
        if not known:
            inner = _list(more, *_times(schema, "minProperties", "maxProperties"), begun=False)
            return sequence(text("{"), _SPACE, inner, _SPACE, text("}"))
        return self._members(known, {*required}, more)

    def _members(self, known: Mapping[str, Any], required: set[str], more: Expression) -> Expression:
        """Each behind those before it. What may follow a member is a rule, with the end of the object in it."""
        end = sequence(_SPACE, text("}"))
        behind = sequence(repeated(sequence(_COMMA, more), 0, None), end)
        next_ = sequence(more, behind)
        for name in reversed(list(known)):
            needed = name in required
            member = self._named("pair", _pair(text(json.dumps(name, ensure_ascii=False)), self.value(known[name])))
            if member == NOTHING and not needed:
                continue
            here = sequence(member, self._named("rest", behind))
            next_ = here if needed else choice(here, next_)
            behind = sequence(_COMMA, next_) if needed else choice(sequence(_COMMA, next_), end)
            end = NOTHING if needed else end
        return sequence(text("{"), _SPACE, choice(next_, NOTHING if end == NOTHING else text("}")))

    def _named(self, kind: str, expression: Expression) -> Expression:
        if expression == NOTHING:
            return NOTHING
        rule = Rule(f"{kind}-{len(self.rules)}")
        self.rules[rule.name] = expression
        return rule

    def _more(self, schema: Schema, patterns: Mapping[str, Any], further: Any, known: Mapping[str, Any]) -> Expression:
        """A member that has no name in the schema."""
        if patterns:  # what fits none of them is not offered beside what does
            fitting = {each: _pattern(each) for each in patterns if not any(_found(each, name) for name in known)}
            return choice(*(_pair(quoted(key), self.value(patterns[each])) for each, key in fitting.items() if key))
        if "propertyNames" in schema and not known:
            return _pair(self.value(all_of({"type": "string"}, schema["propertyNames"])), self.value(further))
        return _pair(quoted(other_than({*known})), self.value(further))


def _pair(key: Expression, value: Expression) -> Expression:
    return sequence(key, text(":"), _SPACE, value)


def _list(item: Expression, least: int, most: int | None, *, begun: bool) -> Expression:
    """Items with commas between them, and before them where the list has begun."""
    if begun or most == 0:
        return repeated(sequence(_COMMA, item), least, most)
    some = sequence(item, repeated(sequence(_COMMA, item), max(0, least - 1), None if most is None else most - 1))
    return some if least else optional(some)


def _times(schema: Schema, fewest: str, most: str) -> tuple[int, int | None]:
    return min(int(schema.get(fewest, 0)), MOST_TIMES), int(schema[most]) if most in schema else None


def _number(kind: str, schema: Schema) -> Expression:
    least, most, exclusive = _bounds(schema)
    found = (integers if kind == "integer" else numbers)(least, most, exclusive=exclusive)
    if found == NOTHING and kind == "number" and least is not None and most is not None and least < most:
        return numbers(None, None, exclusive=exclusive)  # what lies between them has too many digits
    return found


def _bounds(schema: Schema) -> tuple[Fraction | None, Fraction | None, tuple[bool, bool]]:
    """The bounds of a number, and whether they are out themselves. Those that no model reaches are left out."""
    bounds, exclusive = list[Fraction | None](), list[bool]()
    for name, other, nearer in (("minimum", "exclusiveMinimum", max), ("maximum", "exclusiveMaximum", min)):
        open_, closed = schema.get(other), schema.get(name)
        if isinstance(open_, bool):  # of draft 4: it says how the other is meant
            open_, closed = (closed, None) if open_ else (None, closed)
        given = [Fraction(str(bound)) for bound in (open_, closed) if bound is not None]
        bound = nearer(given) if given else None
        bounds.append(None if bound is None or abs(bound) > _LARGEST else bound)
        exclusive.append(open_ is not None and bound == Fraction(str(open_)))
    return bounds[0], bounds[1], (exclusive[0], exclusive[1])


def _string(schema: Schema) -> Expression:
    least, most = _times(schema, "minLength", "maxLength")
    patterns = (_pattern(pattern) for pattern in schema.get("patterns", ()))
    raw = next((each for each in patterns if each), None) or with_format(schema.get("format", ""))
    return quoted(limited(raw or ANYTHING, least, most))


def _pattern(pattern: str) -> Expression | None:
    """What a pattern matches within JSON; None where no grammar can say that."""
    try:
        raw = expression_of(pattern, anywhere=True)
    except UnsupportedRegexError:
        return None
    return None if quoted(raw) == NOTHING else raw


def _found(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False
