"""Schemas that anybody may have written hold nobody up, and what can't be checked is no fit."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from agentfix import ModelRequest, Sampling
from agentfix.models.openai.schema import fault_of
from agentfix.schemas import check_text, checked, fault_of_schema
from agentfix.schemas import checking as engine

SLOW = {"type": "string", "pattern": "^(a+)+$"}
MISFIT = '"' + "a" * 40 + '!"'
BOMB = {"$defs": {**{f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(28)},
                  "d28": {"type": "string"}}, "$ref": "#/$defs/d0"}
TREE = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}


@pytest.mark.parametrize("schema", [SLOW, BOMB])
async def test_a_schema_that_takes_for_ever_is_stopped_and_the_loop_goes_on(schema):
    checking = asyncio.create_task(checked(MISFIT, schema, timeout_s=0.5))
    longest, before = 0.0, time.monotonic()
    while not checking.done():
        await asyncio.sleep(0.01)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    seen = await checking
    assert (seen.why, seen.fits) == ("timeout", False)
    assert longest < 0.4  # held for as long as the check takes, it would be 0.5 and more


async def test_a_reply_that_nobody_can_check_is_nobodys_fault(monkeypatch):
    monkeypatch.setattr(engine.checked, "__kwdefaults__", {"formats": False, "timeout_s": 0.3})
    assert await fault_of(MISFIT, ModelRequest((), Sampling(), 1, (), SLOW)) == ""
    assert "is not of type" in await fault_of("5", ModelRequest((), Sampling(), 1, (), {"type": "string"}))


async def test_what_is_usual_needs_no_process(monkeypatch):
    monkeypatch.setattr(engine, "_asked", None)
    nested = {"type": "object", "properties": {"pattern": {"$ref": "#/$defs/Name"}}, "additionalProperties": False,
              "$defs": {"Name": {"type": "string", "format": "email"}}}
    assert (await checked('{"pattern": "x"}', nested)).fits
    assert str(await checked('{"pattern": 1}', nested)) == "at $.pattern: 1 is not of type 'string'"
    assert str(await checked("{", nested)).startswith("Expecting property name")
    assert not (await checked('["' + "x" * 100_000 + '"]', nested)).fits


def test_no_more_processes_run_at_once_than_there_are_cores(monkeypatch):
    monkeypatch.setattr(engine, "_PLACES", engine.threading.BoundedSemaphore(1))
    with engine._PLACES:
        assert check_text(MISFIT, SLOW, timeout_s=0.05).why == "timeout"
    assert engine._PLACES.acquire(blocking=False) and os.cpu_count()


@pytest.mark.parametrize(("schema", "said"), [
    ({"$ref": "#/nope"}, "'/nope', which it does not hold"), ({"$ref": "http://evil.test/"}, "does not hold"),
    ({"allOf": [{"$ref": "#"}], "type": "integer"}, "refers to itself without end"),
    ({"$defs": {"a": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}},
     "refers to itself without end"),
    ({"type": "nothing"}, "is wrong at $.type"), ({"$schema": []}, "names no draft"),
    ({"$id": "http://[", "$ref": "x"}, "can't be applied"),
    (TREE, ""), (BOMB, ""), ({"properties": {"$ref": {"type": "string"}}, "const": {"$ref": "#/x"}}, ""),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"$id": "#b"}}, "$ref": "#b"}, ""),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, ""),
])
def test_what_a_schema_refers_to_is_looked_up_before_it_is_used(schema, said):
    fault = fault_of_schema(schema)
    assert said in fault and bool(said) == bool(fault)
    if said:
        assert check_text("1", schema).why == "error"


def test_a_schema_that_contains_itself_is_followed_with_the_text():
    assert check_text('{"left": {"right": {}}}', TREE).fits
    assert str(check_text('{"left": {"right": 5}}', TREE)) == "at $.left.right: 5 is not of type 'object'"


@pytest.mark.parametrize("length", [10, 1_000_001])
def test_what_is_too_long_is_not_checked(length):
    seen = check_text('"' + "x" * length + '"', {"type": "string"})
    assert (seen.fits, seen.why) == ((True, "") if length < 100 else (False, "refused"))
