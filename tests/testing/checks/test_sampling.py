"""Arguments made up from schemas."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from agentfix import InputError, tool
from agentfix.testing.checks.sampling import sampled, with_text


class Person(BaseModel):
    name: str
    age: Annotated[int, Field(ge=0, lt=150)]
    children: list[Person] = []


@tool
def everything(code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")], unit: Literal["c", "f"], n: int = 1,
               ratio: Annotated[float, Field(gt=0, le=1)] = 0.5, by_name: dict[str, float] | None = None,
               person: Person | None = None, flags: list[bool] | None = None,
               short: Annotated[str, Field(min_length=3, max_length=5)] = "abc") -> str:
    """Takes everything."""
    return "fine"


SCHEMAS = {
    "a tool's": everything.spec.parameters,
    "nothing at all": {"type": "object"},
    "what refers to itself": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": []},
    "alternatives": {"type": "object", "properties": {"a": {"oneOf": [{"const": 1}, {"type": "string"}]}},
                     "required": ["a"]},
    "parts together": {"type": "object", "properties": {"a": {"allOf": [{"minimum": 3}, {"maximum": 4}],
                                                              "type": "integer"}}, "required": ["a"]},
    "multiples": {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 7}}, "required": ["a"]},
    "formats": {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}, "required": ["d"]},
    "rows": {"type": "object", "properties": {"r": {"type": "array", "minItems": 2, "maxItems": 3, "items": {
        "type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": False}}}, "required": ["r"]},
    "any names": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_what_is_made_up_satisfies_its_schema(schema):
    made = sampled(schema, 40, seed=1)
    assert made
    for each in made:
        Draft202012Validator(schema).validate(each)


def test_each_is_different_and_the_same_seed_gives_the_same():
    schema = everything.spec.parameters
    made = sampled(schema, 40, seed=1)
    assert len({json.dumps(each) for each in made}) == 40
    assert made == sampled(schema, 40, seed=1) != sampled(schema, 40, seed=2)


def test_the_first_has_what_is_required_and_the_second_everything():
    first, second = sampled(everything.spec.parameters, 2, seed=0)
    assert first.keys() == {"code", "unit"}
    assert second.keys() == everything.spec.parameters["properties"].keys()


def test_every_branch_is_taken():
    made = sampled(everything.spec.parameters, 60, seed=3)
    assert {each.get("unit") for each in made} == {"c", "f"}
    assert any((each.get("person") or {}).get("children") for each in made)
    assert any(each.get("by_name") for each in made)


def test_examples_are_taken_first():
    schema = {"type": "object", "properties": {"city": {"type": "string", "examples": ["Oslo"]}}, "required": ["city"]}
    assert sampled(schema, 1, seed=0) == [{"city": "Oslo"}]


def test_a_reference_to_nothing_is_an_error():
    with pytest.raises(InputError):
        sampled({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}, 1, seed=0)


def test_a_text_is_put_where_texts_are_taken():
    assert with_text({"type": "object", "properties": {"n": {"type": "integer"}}}, "hello") is None
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["b"]}
    assert with_text(schema, "{canary}") == {"a": "{canary}", "b": 1}
