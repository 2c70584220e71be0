from __future__ import annotations

import json
from typing import Any

import pytest

from agentfix import Claim, EvidenceClass, Observation, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins

SCHEMA = {"type": "object", "required": ["name"],
          "properties": {"name": {"type": "string"}, "ages": {"type": "array", "items": {"type": "integer"}}}}


@pytest.fixture
def tool():
    return Plugins(Settings()).build("tool", "check_json")


@pytest.fixture
def check(tool):
    async def run(text: str, schema: dict[str, Any], timeout_s: float = 30) -> Observation:
        return await tool.run({"text": text, "schema": schema}, ToolContext(None, timeout_s))

    return run


@pytest.mark.parametrize(("text", "schema", "said"), [
    ('{"name": "Ada", "ages": [36]}', SCHEMA, "Valid."),
    ('{"name": "Ada", "ages": [36, "x"]}', SCHEMA, "Not valid: at $.ages[1]: 'x' is not of type 'integer'"),
    ("{}", SCHEMA, "Not valid: at $: 'name' is a required property"),
    ('{"name": "Ada",}', SCHEMA, "Not JSON: "),
    ("[NaN]", {}, "Not JSON: NaN is no JSON value."),
    ("[" * 100_000, {}, "Not JSON: it is nested too deeply."),
    ("1" * 5_000, {}, "Not JSON: a number has more digits than are read."),
    ('"x"', {"format": "email"}, "Not valid: at $: 'x' is not a 'email'"),
    ("[1, 2]", {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}], "additionalItems": False},
     "Not valid: at $"),
    ('{"type": 1}', {"$ref": "https://json-schema.org/draft/2020-12/schema"}, "Not valid: at $.type"),
])
async def test_the_first_error_is_told_with_its_path(check, text: str, schema: dict[str, Any], said: str) -> None:
    seen = await check(text, schema)
    assert seen.text.startswith(said)
    assert seen.data["valid"] == (said == "Valid.")


@pytest.mark.parametrize(("schema", "word"), [
    ({"type": "text"}, "at \\$.type"), ({"pattern": "("}, "regex"), ({"$ref": "#"}, "refers to itself"),
    ({"$ref": "https://example.org/schema.json"}, "does not hold"), ({"$ref": "file:///etc/passwd"}, "does not hold"),
    ({"$schema": ["draft-07"]}, "names no draft"), ({"$id": "http://[", "$ref": "x"}, "can't be applied"),
])
async def test_a_schema_that_is_none_is_said(check, schema: dict[str, Any], word: str) -> None:
    with pytest.raises(ToolError, match=word):
        await check("1", schema)


async def test_a_schema_that_would_take_forever_is_stopped(check) -> None:
    with pytest.raises(ToolError, match="too long") as stopped:
        await check(json.dumps("a" * 60 + "b"), {"pattern": "(a+)+$"}, timeout_s=1)
    assert stopped.value.status == "timeout"


async def test_a_number_too_large_to_reckon_with_is_said(check) -> None:
    with pytest.raises(ToolError, match="can't be applied to this text"):
        await check("1e400", {"multipleOf": 0.1})


async def test_many_fences_that_are_never_closed_hold_nothing_up(tool) -> None:
    assert await tool.verify(Claim("```json\n" * 100_000), ToolContext(None, 10)) is None


async def test_what_is_said_is_bounded(check) -> None:
    assert len((await check(json.dumps("x" * 100_000), {"type": "integer"})).text) < 1_000
    with pytest.raises(ToolError, match="at most"):
        await check("1" * 1_000_001, {})


@pytest.mark.parametrize(("answer", "fault"), [
    ('Here:\n```json\n{"a": 1,}\n```', "JSON block 1 is not JSON: "),
    ('```json\n{}\n```\nand\n```json\n{"a" 1}\n```\n', "JSON block 2 is not JSON: "),
    ('```json\n{"a": 1}\n```', None),
    ("the set {1, 2}", None), ("```json\n{1, 2}", None), ("``` json\n{1, 2}\n```", None),
    ('```json \t\n["```json"]\n```  \n{', None),
    ("```python\n{1, 2}\n```", None),
])
async def test_an_answer_whose_json_is_none_is_refuted(tool, answer: str, fault: str | None) -> None:
    evidence = await tool.verify(Claim(answer), ToolContext(None, 5))
    if fault is None:
        assert evidence is None
    else:
        assert (evidence.kind, evidence.polarity, evidence.coverage) == (
            EvidenceClass.MEASUREMENT, "refutes", "necessary")
        assert evidence.summary.startswith(fault)
