"""JSON schemas and regular expressions hold what a local model writes, whichever matcher is there."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from contextlib import contextmanager
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from referencing import Registry

from agentfix.errors import InputError, ModelError
from agentfix.types import Message, ModelRequest, Sampling, ToolSpec

pytestmark = pytest.mark.local_model

MATCHERS = ["llguidance", "llama.cpp"]


@contextmanager
def matcher_of(name):
    """Have llguidance there, or as if it were not installed."""
    with pytest.MonkeyPatch.context() as patch:
        if name == "llguidance":
            pytest.importorskip("llguidance")
        else:
            patch.delitem(sys.modules, "agentfix.models.llamacpp.guidance", raising=False)
            patch.setitem(sys.modules, "llguidance", None)
        yield


@pytest.fixture(scope="session", params=MATCHERS)
def grammars(request, vocabulary):
    """Makes grammars for each matcher."""
    from agentfix.models.llamacpp.grammar import Grammars

    grammars = Grammars(vocabulary)
    with matcher_of(request.param):
        grammars.schema(True)
    return grammars


def follows(vocabulary, grammar, text):
    """Whether a model could write exactly this text."""
    matcher = grammar.begin()
    try:
        for token in [*vocabulary.tokenize(text.encode()), min(vocabulary.ends)]:
            if not matcher.allows(token):
                return False
            matcher.accept(token)
        return True
    finally:
        matcher.free()


def judged(vocabulary, grammar, texts):
    return [text for text in texts if follows(vocabulary, grammar, text)]


# --- what holds -------------------------------------------------------------------------------------------------------

NODE = {"$defs": {"node": {
    "type": "object", "required": ["v"],
    "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
}}, "$ref": "#/$defs/node"}
SAME_NAME = {
    "$defs": {"a": {"$defs": {"x": {"type": "integer"}}}, "b": {"$defs": {"x": {"type": "boolean"}}}},
    "type": "array", "prefixItems": [{"$ref": "#/$defs/a/$defs/x"}, {"$ref": "#/$defs/b/$defs/x"}], "items": False,
    "minItems": 2}


def thing(required=(), **properties):
    return {"type": "object", "properties": properties, "required": [*required]}


HELD = [
    ({"type": "null"}, ["null"], ["nul", "0", " null"]),
    ({"type": "boolean"}, ["true", "false"], ["True", "1"]),
    ({}, ["1", '"x"', "{}", '{"a": [1, {"b": null}]}', "true"], ["nul", "{a: 1}", "01", "'x'"]),
    (True, ["1", "[]"], ["x"]),
    ({"title": "what it is called", "default": 3}, ["1", "{}"], ["x"]),
    ({"type": "string"}, ['"é😀"', r'"a\nb\"\\"', '""'], ['"a\nb"', r'"\ud800"', '"a', r'"\x"']),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ['"é😀"', '"a\\nb"'], ['"a"', '"abcd"']),
    ({"type": "string", "maxLength": 10000}, ['""', '"' + "ab " * 3000 + '"'], ['"' + "a" * 10001 + '"']),
    ({"type": "string", "minLength": 2500}, ['"' + "a" * 2500 + '"'], ['"' + "a" * 2499 + '"']),
    ({"type": "string", "pattern": "a"}, ['"cat"', '"a"'], ['"dog"']),
    ({"type": "string", "pattern": r"^\d{3}-\w+$"}, ['"123-ab_C"'], ['"12-ab"', '"123-"', '"123-a b"']),
    ({"type": "string", "pattern": '^["\\\\\\n]+$'}, [r'"\"\\\n"'], ['"a"', '"\\"a"']),
    ({"type": "string", "pattern": "^[^a]$"}, [r'"\""', r'"\n"', '"é"'], ['"a"', '"""', '"\n"', '"bb"']),
    ({"type": "string", "pattern": "^(a|b?)*c{1500}$"}, ['"ab' + "c" * 1500 + '"'], ['"' + "c" * 1499 + '"']),
    ({"type": "string", "pattern": "^[a-z]+$", "maxLength": 4, "minLength": 2}, ['"ab"', '"abcd"'],
     ['"a"', '"abcde"']),
    ({"allOf": [{"type": "string", "pattern": "(?!x)y"}, {"pattern": "^[a-c]$"}]}, ['"a"'], ['"d"']),
    ({"type": "string", "pattern": "^(?<year>\\d{4})$"}, ['"2024"'], ['"24"']),
    ({"type": "string", "format": "date"}, ['"2024-02-28"'], ['"2024-02-30"', '"yesterday"']),
    ({"type": "string", "format": "date-time"}, ['"2024-02-28T12:30:00Z"'], ['"2024-02-28"']),
    ({"type": "string", "format": "uuid"}, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']),
    ({"type": "string", "format": "ipv4"}, ['"127.0.0.1"'], ['"256.0.0.1"']),
    ({"type": "string", "format": "email"}, ['"ann.lee@example.org"'], ['"ann"']),
    ({"type": "integer"}, ["0", "-7", "123456"], ["1.5", "01", "-", "1e3"]),
    ({"type": "integer", "minimum": 3, "exclusiveMaximum": 120}, ["3", "119"], ["2", "120", "-3", "0"]),
    ({"type": "integer", "minimum": -20, "maximum": -3}, ["-20", "-3"], ["-21", "-2", "3"]),
    ({"type": "number", "minimum": 0, "maximum": 1}, ["0", "0.25", "1"], ["1.5", "-0.1", "2"]),
    ({"type": "number", "exclusiveMinimum": 0.5}, ["0.51", "7", "123.5"], ["0.5", "0.4", "-1"]),
    ({"enum": ["a", 1, None, {"x": [1]}]}, ['"a"', "1", "null"], ['"b"', "2", "true"]),
    ({"enum": [f"value {i}" for i in range(2000)]}, ['"value 7"', '"value 77"', '"value 1999"'],
     ['"value 2000"', '"value 01"', '"value"']),
    ({"anyOf": [{"const": "ab"}, {"const": "abc"}, {"const": ""}, {"type": "null"}]}, ['"ab"', '"abc"', '""', "null"],
     ['"a"', '"abcd"']),
    ({"enum": ["a", 1], "type": "string"}, ['"a"'], ["1"]),
    ({"enum": ["a", "é\n", True], "pattern": "^a"}, ['"a"', "true"], [r'"é\n"']),
    ({"allOf": [{"type": "string", "pattern": "(?!x)y"}, {"pattern": "^[a-c]$"}]}, ['"a"'], ['"d"']),
    ({"const": "a\n\"é"}, [r'"a\n\"é"'], ['"a"']),
    ({"type": ["string", "null"], "maxLength": 3}, ['"abc"', "null"], ['"abcd"', "1"]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}, ["[1]", "[1,2, 3]"],
     ["[]", "[1,2,3,4]", '["a"]', "[1,]"]),
    ({"type": "array"}, ["[]", '[1, "a", [null]]'], ["[1", "{}"]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"},
      "minItems": 1, "maxItems": 3}, ["[1]", '[1,"a"]', '[1, "a", null]'],
     ["[]", "[1,null]", '["a"]', '[1,"a",null,null]']),
    ({"items": {"type": "integer"}, "maxItems": 2500, "type": "array"}, ["[" + "1," * 2499 + "1]"],
     ["[" + "1," * 2500 + "1]"]),
    (thing(["a"], a={"type": "integer"}, b={}), ['{"a": 1}', '{\n  "a": 1,\n  "b": [2]\n}'],
     ["{}", '{"b":1}', '{"a":1,"c":2}', '{"a":"1"}', '{"a":1']),
    (thing(a={"type": "integer"}, b={"type": "integer"}, c={"type": "integer"}),
     ["{}", '{"b":1}', '{"a":1,"c":2}', '{"a":1, "b":2, "c":3}'], ['{"b":1,"b":2}', '{,"a":1}', '{"a":1,}']),
    ({**thing(["b"], a={"type": "integer"}, b={"type": "integer"}), "additionalProperties": {"type": "string"}},
     ['{"b":1}', '{"b":1,"bb":"x"}', '{"a":1,"b":1, "c":"x", "":"y"}'],
     ['{"b":1,"c":2}', '{"b":1,"a":"x"}', '{"c":"x"}']),
    (thing(a=False, b=True), ["{}", '{"b":1}'], ['{"a":1}']),
    ({"type": "object"}, ["{}", '{"a":{"b":[]}}'], ["[]", "{1:2}"]),
    ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}, ['{"a":1}', '{"a":1,"b":2}'],
     ["{}", '{"a":"x"}']),
    ({"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False},
     ["{}", '{"x1":1,"xx":2}'], ['{"y":1}', '{"x1":"a"}']),
    (thing(["q\"\\ü"], **{"q\"\\ü": {"type": "null"}}), ['{"q\\"\\\\ü": null}'], ['{"q": null}']),
    ({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}, ["1", "[1,[[]]]"],
     ["[true]", "null"]),
    ({"oneOf": [thing(["a"], a={"const": 1}), thing(["b"], b={"const": 2})]}, ['{"a":1}', '{"b":2}'],
     ['{"a":2}', "{}"]),
    ({"allOf": [thing(["a"], a={"type": "integer"}), thing(["b"], a={"minimum": 3}, b={})]}, ['{"a":3,"b":[]}'],
     ['{"a":2,"b":1}', '{"a":3}', '{"b":1}']),
    ({**thing(a={"type": "integer"}, b={"type": "integer"}), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
     ['{"a":1}', '{"b":1}', '{"a":1,"b":2}'], ["{}", '{"a":"x"}']),
    (NODE, ['{"v":1}', '{"v": 1, "next": {"v":2, "next": null}}'], ['{"next":null}', '{"v":1,"next":{}}']),
    (SAME_NAME, ["[1,true]"], ["[true,1]", "[1,1]"]),
    ({"definitions": {"a/b~c": {"type": "null"}}, "items": {"$ref": "#/definitions/a~1b~0c"}, "type": "array"},
     ["[null]"], ["[1]"]),
    ({"items": [{"type": "integer"}], "additionalItems": False, "type": "array"}, ["[1]", "[]"], ["[1,2]", '["a"]']),
    ({"type": "number", "minimum": 3, "exclusiveMinimum": True}, ["3.5"], ["3", "2"]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), HELD)
def test_a_schema_is_held(vocabulary, grammars, schema, good, bad):
    grammar = grammars.schema(schema)
    assert judged(vocabulary, grammar, [*good, *bad]) == good


@pytest.mark.parametrize("fault", [
    {"pattern": "(?=a)b"}, {"pattern": r"(a)\1"}, {"pattern": "("}, {"pattern": r"\bx"},
    {"format": "color"}, {"format": "regex"}, {"not": {"maxLength": 3}}, {"contentEncoding": "base64"},
    {"$ref": "https://127.0.0.1:9/schema.json"}, {"$ref": "other.json#/$defs/a"}, {"$dynamicRef": "#node"},
    {"if": {"minLength": 3}, "then": {"maxLength": 5}}, {"x-secret": True},
])
@pytest.mark.parametrize("place", [
    lambda part: thing(["s"], s=part),
    lambda part: {"$defs": {"s": part}, **thing(["s"], s={"$ref": "#/$defs/s"})},
    lambda part: thing(["s"], s={"anyOf": [part, {"type": "null"}]}),
    lambda part: thing(["s"], s={"allOf": [{"description": "the s"}, part]}),
], ids=["properties", "$defs", "anyOf", "allOf"])
def test_what_no_grammar_can_say_is_left_out_alone(vocabulary, grammars, place, fault):
    schema = place({"type": "string", **fault})
    schema["properties"]["n"] = {"type": "integer", "minimum": 0}
    schema["required"] = ["s", "n"]
    good = ['{"s":"any text","n":1}']
    assert judged(vocabulary, grammars.schema(schema), [
        *good, '{"s":1,"n":1}', '{"s":"any text","n":-1}', '{"s":"any text"}', '{"s":"any text","n":1,"o":2}']) == good


def test_keywords_of_arrays_that_are_left_out(vocabulary, grammars):
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "contains": {"const": 1}}
    assert judged(vocabulary, grammars.schema(schema), ["[2,2]", '["a"]']) == ["[2,2]"]


@pytest.mark.parametrize("schema", [
    {"enum": []}, {"type": "string", "enum": [1]}, {"type": "integer", "minimum": 3, "maximum": 2}, {"$ref": "#"},
    False, thing(["a"], a=False), {"type": "array", "items": False, "minItems": 1},
    {"allOf": [{"type": "null"}, {"const": 1}]},
    {"type": "string", "pattern": "^a$", "minLength": 2},
])
def test_a_schema_that_nothing_satisfies_is_an_error(grammars, schema):
    with pytest.raises(InputError, match="Nothing can satisfy"):
        grammars.schema(schema)


def doubling(times):
    parts = {f"p{i}": {"anyOf": [{"$ref": f"#/$defs/p{i + 1}"}] * 2} for i in range(times)}
    return {"$defs": {**parts, f"p{times}": {"type": "null"}}, "$ref": "#/$defs/p0"}


def deep(levels):
    schema = {"type": "null"}
    for _ in range(levels):
        schema = thing(["x"], x=schema)
    return schema


@pytest.mark.parametrize(("schema", "complaint"), [
    ({"type": "wat"}, r"not valid: at \$\.type"), ([], "not valid"), ({"properties": 5}, "not valid"),
    ({"const": {1}}, "no JSON"), ({"const": float("nan")}, "no JSON"), ({"$ref": "#/$defs/none"}, "'#/\\$defs/none'"),
    (deep(3000), "too deep"),
])
def test_what_is_no_schema_is_an_error(grammars, schema, complaint):
    with pytest.raises(InputError, match=complaint):
        grammars.schema(schema)


def test_references_that_multiply_are_an_error_and_no_endless_task():
    from agentfix.models.llamacpp.schemas import checked, schema_gbnf

    with pytest.raises(InputError, match="refer to each other too often"):
        schema_gbnf(checked(doubling(60)))


REGEXES = [
    (r"\d{4}-\d{2}", ["2024-02"], ["2024-2", "x2024-02"]), ("(yes|no)!*", ["yes", "no!!"], ["maybe", "yes no"]),
    ("(?i)ok|[^\n]{2}", ["OK", "é😀"], ["x", "a\n"]), ("", [""], ["a"]), ("^a+?b$", ["aab"], ["b", "aabb"]),
    ("(a?|b*)*c", ["c", "abbac"], ["abba"]),
    ("a{0,3000}b{1500,}", ["a" * 3000 + "b" * 1500], ["a" * 3001 + "b" * 1500]),
    ("x{1001}", ["x" * 1001], ["x" * 1000, "x" * 1002]), ('"[^"]*"', ['"a b"'], ['"a', 'a"']),
]


@pytest.mark.parametrize(("regex", "good", "bad"), REGEXES)
def test_a_regular_expression_is_held(vocabulary, grammars, regex, good, bad):
    assert judged(vocabulary, grammars.regex(regex), [*good, *bad]) == good


@pytest.mark.parametrize(("regex", "complaint"), [
    (r"(a)\1", "it has a backreference"), ("(", "not valid"), (r"[^\x00-\U0010ffff]", "No text matches")])
def test_a_regular_expression_that_no_grammar_can_say_is_an_error(grammars, regex, complaint):
    with pytest.raises(InputError, match=complaint) as raised:
        grammars.regex(regex)
    assert regex in str(raised.value) or repr(regex) in str(raised.value)


# --- whatever the schema ----------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "ab", "b c", 'q"', "é"])
PATTERNS = st.sampled_from(["a", "^b+$", r"^\d{1,3}$", "x|y$", '^[^"]$', r"^\w+@\w+$", "(?=never said)"])
LENGTHS = st.integers(0, 4)


def optionally(**keywords):
    return st.fixed_dictionaries({}, optional=keywords)


def kind(name, keywords):
    return keywords.map(lambda chosen: {"type": name, **chosen})


LEAVES = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, True]),
    kind("string", optionally(minLength=LENGTHS, maxLength=st.integers(4, 6))),
    kind("string", st.fixed_dictionaries({"pattern": PATTERNS})),
    kind("string", st.fixed_dictionaries({"format": st.sampled_from(["date", "time", "uuid", "ipv4", "other"])})),
    kind("integer", optionally(minimum=st.integers(-30, 0), maximum=st.integers(0, 300))),
    kind("number", optionally(exclusiveMinimum=st.integers(-9, 0),
                              maximum=st.floats(0.5, 9).map(lambda bound: round(bound, 2)))),
    st.lists(st.sampled_from([None, True, 1, 2.5, "a", "é\n", [1], {"a": None}]), min_size=1, max_size=3)
      .map(lambda values: {"enum": values}))


def compound(inner):
    properties = st.dictionaries(NAMES, inner, max_size=3)
    return st.one_of(
        kind("array", st.tuples(inner, optionally(minItems=st.integers(0, 2), maxItems=st.integers(2, 3)))
             .map(lambda both: {"items": both[0], **both[1]})),
        kind("array", st.lists(inner, min_size=1, max_size=2)
             .map(lambda first: {"prefixItems": first, "items": False})),
        kind("object", properties.flatmap(lambda known: st.fixed_dictionaries(
            {"properties": st.just(known), "required": st.sets(st.sampled_from([*known] or ["a"])).map(sorted)},
            optional={"additionalProperties": inner}))),
        kind("object", st.fixed_dictionaries({"additionalProperties": inner}, optional={"maxProperties": LENGTHS})),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts}),
        st.tuples(inner, NAMES).map(lambda both: {"$defs": {both[1]: both[0]}, "type": "array", "maxItems": 2}))


SCHEMAS = st.recursive(LEAVES, compound, max_leaves=5)


def scribbled(vocabulary, grammar, pieces, chance, most=150):
    """What chance writes under a grammar, that rather ends than goes on; None where it does not end."""
    matcher, text = grammar.begin(), b""
    ends = [token for token in range(vocabulary.size) if pieces[token] in (b'"', b"}", b"]", b"a", b"0", b"b@")]
    short = [token for token in range(vocabulary.size) if 0 < len(pieces[token]) < 3]
    try:
        for _ in range(most):
            order = [min(vocabulary.ends), *chance.sample(ends, len(ends)), *chance.sample(short, len(short))]
            token = next((token for token in order if matcher.allows(token)), None)
            if token is None:
                token = next(token for token in range(vocabulary.size) if matcher.allows(token))
            if token in vocabulary.ends:
                return text.decode()
            matcher.accept(token)
            text += pieces[token]
        return None
    finally:
        matcher.free()


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(schema=SCHEMAS, seed=st.integers())
def test_what_is_written_under_any_schema_satisfies_it(vocabulary, pieces, grammars, schema, seed):
    try:
        grammar = grammars.schema(schema)
    except InputError as error:
        assert "Nothing can satisfy" in str(error)
        return
    text = scribbled(vocabulary, grammar, pieces, random.Random(seed))
    assume(text is not None)
    told = json.loads(json.dumps(schema).replace("(?=never said)", ""))  # left out
    jsonschema.validate(json.loads(text), told, registry=Registry())


# --- what the model writes --------------------------------------------------------------------------------------------

POEM = (Message("user", "Write a poem. No JSON, no braces, no digits, ever. Begin with: Roses"),)
VERDICT = {
    "$defs": {"line": {"type": "integer", "minimum": 1, "maximum": 99}},
    "type": "object", "required": ["verdict", "confidence", "lines", "id"], "additionalProperties": False,
    "properties": {"verdict": {"enum": ["accept", "revise"]},
                   "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                   "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "maxItems": 3},
                   "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
                   "note": {"type": "string", "maxLength": 12}}}


def asked(messages=POEM, n=1, schema=None, regex=None, **sampling):
    return ModelRequest(messages, Sampling(**{"max_tokens": 150, **sampling}), n, schema=schema, regex=regex)


def test_references_that_lead_too_deep_end_no_process(grammars):
    deep = {f"d{i}": thing(["a"], a={"$ref": f"#/$defs/d{i + 1}"}) for i in range(3000)}
    with pytest.raises(InputError, match="too deep"):
        grammars.schema({"$defs": {**deep, "d3000": {"type": "string"}}, "$ref": "#/$defs/d0"})


def test_an_expression_that_is_too_deep_is_an_error(grammars):
    with pytest.raises(InputError, match="is too deep"):
        grammars.regex("(" * 150 + "a" + "b)*" * 150)


def test_an_address_that_is_none_is_left_out(vocabulary, grammars):
    schema = {"$id": "http://[", "enum": ["a", {"x": 1}], "properties": {"x": {"$ref": "x[y"}}}
    assert judged(vocabulary, grammars.schema(schema), ['"a"', '{"x":1}', '"b"'])[:1] == ['"a"']


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("temperature", [0.0, 1.5])
async def test_a_schema_is_kept_whatever_is_asked(model, matcher, temperature):
    with matcher_of(matcher):
        completions = await model.generate(asked(n=2, schema=VERDICT, temperature=temperature))
    for completion in completions:
        assert completion.finish_reason == "stop"
        jsonschema.validate(json.loads(completion.text), VERDICT)


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("regex", [r"\d{4}-\d{2}-\d{2}", "(yes|no), (because|although) [a-z ]{3,20}\\.", "", '"a"{3}'])
async def test_a_regular_expression_is_kept_whatever_is_asked(model, matcher, regex):
    with matcher_of(matcher):
        completions = await model.generate(asked(n=2, regex=regex, temperature=1.5))
    assert all(re.fullmatch(regex, completion.text) for completion in completions)
    assert {completion.finish_reason for completion in completions} == {"stop"}


@pytest.mark.parametrize("matcher", MATCHERS)
async def test_log_probabilities_are_those_of_the_model_not_of_the_grammar(model, matcher):
    with matcher_of(matcher):
        free, = await model.generate(replace(asked(max_tokens=1), top_logprobs=3))
        held, = await model.generate(replace(asked(max_tokens=1, regex="7+"), top_logprobs=3))
    assert held.text == "7" and held.logprobs[0].top == free.logprobs[0].top
    assert held.logprobs[0].logprob < held.logprobs[0].top[-1][1]


@pytest.mark.parametrize("matcher", MATCHERS)
async def test_guesses_change_nothing_under_a_grammar(engine_of, matcher):
    """The prompt holds the JSON that is asked for, so that it is guessed."""
    from agentfix.models.llamacpp.requests import Generation

    said = json.dumps({"items": [{"name": name, "ok": True} for name in ("apple", "pear", "plum", "cherry")]})
    engine = engine_of()
    prompt = engine.llama.tokenize(f"{said}\nAnd once more, the same:\n" * 2, special=False)
    item = thing(["name", "ok"], name={"type": "string"}, ok={"type": "boolean"})
    with matcher_of(matcher):
        grammar = engine.llama.grammars.schema(thing(["items"], items={"type": "array", "items": item}))
    drawn = []
    for deterministic in (False, True):
        asked = Generation(prompt, Sampling(max_tokens=100), 1, grammar, deterministic=deterministic)
        engine.submit(asked)
        completion, = asked.future.result(timeout=60)
        drawn.append((completion.text, completion.usage.completion_tokens, completion.finish_reason))
    assert drawn[0] == drawn[1] == (said, drawn[0][1], "stop")


@pytest.mark.parametrize("matcher", MATCHERS)
async def test_a_request_that_is_not_held_is_served_beside_one_that_is(model, matcher):
    with matcher_of(matcher):
        free, held = await asyncio.gather(model.generate(asked(max_tokens=8)), model.generate(asked(regex="[0-9]{20}")))
        alone = await model.generate(asked(max_tokens=8))
    assert free[0].text == alone[0].text and len(held[0].text) == 20 and held[0].text.isdigit()


@pytest.mark.parametrize(("asked_", "error", "complaint"), [
    (asked(schema={}, regex="a"), InputError, "a JSON schema and a regular expression at once"),
    (asked(regex=r"(a)\1"), InputError, "a backreference"),
    (replace(asked(regex="a"), tools=(ToolSpec("add", "Adds.", {"type": "object"}),)), ModelError, "schema or regex"),
])
async def test_what_can_not_be_held_is_said(model, asked_, error, complaint):
    with pytest.raises(error, match=complaint):
        await model.generate(asked_)
