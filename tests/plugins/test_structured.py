"""Answers that have to fit a schema, and answers as Python objects."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import dataclass

import numpy
import pytest
from pydantic import BaseModel, Field, field_validator

from agentfix import (
    Agent,
    ConfigError,
    EvidenceClass,
    InputError,
    Output,
    Settings,
    StructuredResult,
    Task,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "Which amounts are on the bill?"


class Bill(BaseModel):
    """A bill."""

    amounts: list[int]
    total: int = Field(ge=0)

    @field_validator("amounts")
    @classmethod
    def there_are_some(cls, amounts: list[int]) -> list[int]:
        if not amounts:
            raise ValueError("a bill has amounts")
        return amounts


def adds_up(bill: Bill) -> None:
    """What the caller says is sufficient."""
    assert sum(bill.amounts) == bill.total, f"the amounts add up to {sum(bill.amounts)}"


def bill(*amounts: int, total: int, **more) -> str:
    return json.dumps({"amounts": amounts, "total": total, **more})


def reasoned(answer: str) -> str:
    return json.dumps({"reasoning": "I read it.", "answer": json.loads(answer)})


def opened(steps, **chosen) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(steps)
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    agent = Agent(settings, Plugins(settings, {"script": script_plugin(model)}),
                  journal=chosen.get("journal") or SqliteJournal(None))
    return agent, model


async def asked(steps, output, task=QUESTION, **chosen):
    agent, model = opened(steps, **chosen)
    async with agent:
        result = await agent.arun(task, output=output)
    model.assert_done()
    return result, model


async def test_an_answer_that_two_ways_lead_to_is_an_object():
    result, model = await asked([bill(3, 4, total=7), reasoned('{"total": 7.0, "amounts": [3, 4]}')], Bill)
    assert isinstance(result, StructuredResult)
    assert result.output == Bill(amounts=[3, 4], total=7)
    assert result.supported_by is EvidenceClass.AGREEMENT
    # the model is held to the schema, both times
    assert model.requests[0].schema == Bill.model_json_schema()
    assert model.requests[1].schema["properties"]["answer"]["required"] == ["amounts", "total"]


async def test_what_does_not_fit_the_schema_is_refuted_and_mended():
    result, model = await asked([bill(3, 4, total=-7), bill(3, 4, total=7), reasoned(bill(3, 4, total=7))], Bill)
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.MEASUREMENT)
    assert "total" in model.requests[1].messages[-1].content
    assert result.output == Bill(amounts=[3, 4], total=7)


async def test_what_only_the_type_knows_refutes_too():
    result, model = await asked([bill(total=0), bill(7, total=7), reasoned(bill(7, total=7))], Bill)
    assert "a bill has amounts" in model.requests[1].messages[-1].content
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.MEASUREMENT)


async def test_a_function_that_is_sufficient_decides():
    result, model = await asked([bill(3, 4, total=8), bill(3, 4, total=7)], Output(Bill, adds_up))
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.CONTRACT)
    assert "add up to 7" in model.requests[1].messages[-1].content
    assert result.output == Bill(amounts=[3, 4], total=7)
    assert result.supported_by is EvidenceClass.CONTRACT


async def test_that_it_parses_supports_nothing():
    result, _ = await asked([bill(3, 4, total=7)], Bill, strategy="none")
    assert result.output == Bill(amounts=[3, 4], total=7)
    assert result.abstained
    assert result.supported_by is None


async def test_where_nothing_parses_there_is_no_object_and_no_error():
    result, _ = await asked(["I can't read it."], Bill, strategy="none")
    assert result.output is None
    assert result.answer == "I can't read it."


async def test_any_type_that_pydantic_parses_will_do():
    @dataclass
    class Pair:
        a: int
        b: int

    result, _ = await asked(['{"a": 1, "b": 2}'], Pair, strategy="none")
    assert result.output == Pair(1, 2)
    with pytest.raises(ConfigError):
        Output(type("Opaque", (), {}))


async def test_a_schema_alone_asks_for_json():
    agent, model = opened(['```json\n{"b": 1}\n```'], strategy="none")
    async with agent:
        result = await agent.arun(Task(QUESTION, schema={"type": "object"}))
    assert (result.kind, result.answer) == ("json", '{"b": 1}')
    assert model.requests[0].schema == {"type": "object"}


async def test_a_run_whose_function_is_elsewhere_goes_on_only_with_it(tmp_path):
    agent, model = opened([bill(7, total=7)], data_dir=tmp_path)
    async with agent:
        await agent.arun(QUESTION, output=Output(Bill, adds_up), run_id="r")
        with pytest.raises(InputError, match="adds_up"):
            await agent.aresume("r")
        again = await agent.aresume("r", output=Output(Bill, adds_up))
    assert again.supported_by is EvidenceClass.CONTRACT
    model.assert_done()


@pytest.mark.parametrize("said", [False, 0, "", numpy.bool_(False)])
async def test_what_is_false_does_not_pass(said):
    result, _ = await asked([bill(3, 4, total=7)], Output(Bill, lambda _: said), max_rounds=1)
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.CONTRACT)


async def test_a_function_that_says_nothing_passes_only_where_it_is_annotated_so():
    result, _ = await asked([bill(3, 4, total=7)], Output(Bill, lambda bill: re.match("8", str(bill.total))))
    assert result.abstained
    assert "<lambda>' returned None" in result.stop_reason


@pytest.mark.parametrize("error", [KeyError("k"), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
async def test_a_function_that_fails_is_named_and_what_was_answered_stays(error):
    def careless(_: Bill) -> bool:
        raise error

    result, _ = await asked([bill(3, 4, total=7)], Output(Bill, careless))
    assert result.output == Bill(amounts=[3, 4], total=7)
    assert "careless' failed" in result.stop_reason
    assert type(error).__name__ in result.stop_reason


@pytest.mark.parametrize("error", [KeyError("k"), TypeError("t"), RecursionError(), SystemExit(2)])
async def test_what_a_validator_fails_on_does_not_parse(error):
    class Fussy(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def fails(cls, a: int) -> int:
            raise error

    result, _ = await asked(['{"a": 1}'], Fussy, max_rounds=1)
    assert (result.answer, result.output) == ('{"a": 1}', None)
    assert f"a validator raised {type(error).__name__}" in result.standings[0].reason


async def test_a_function_that_does_not_end_is_left_when_the_time_is_up():
    goes_on = threading.Event()

    async def waits(_: Bill) -> bool:
        return await asyncio.Future()

    for endless in (waits, lambda _: goes_on.wait()):
        result, _ = await asked([bill(3, 4, total=7)], Output(Bill, endless), max_seconds=0.5)
        assert (result.stop_reason, result.abstained) == ("budget: seconds", True)
        assert result.output == Bill(amounts=[3, 4], total=7)
    goes_on.set()


@pytest.mark.parametrize(("schema", "said"), [
    ({"$ref": "#/nope"}, "does not hold"), ({"allOf": [{"$ref": "#"}]}, "refers to itself"),
    ({"type": "x"}, "wrong at"),
])
async def test_a_schema_that_is_none_is_said_before_a_model_is_asked(schema, said):
    agent, model = opened([])
    async with agent:
        with pytest.raises(InputError, match=said):
            await agent.arun(Task(QUESTION, schema=schema))
    model.assert_done()


async def test_an_answer_that_nobody_can_check_is_not_supported():
    answer = '["' + "x" * 1_000_001 + '"]'
    agent, _ = opened([answer, answer, answer], max_rounds=1)
    async with agent:
        result = await agent.arun(Task(QUESTION, schema={"type": "array"}))
    assert result.abstained and "can't be shown" in result.reason and "at most 1000000" in result.reason
