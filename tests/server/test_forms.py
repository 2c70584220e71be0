"""Answers in JSON, and answers that end at a text, with OpenAI's own Python client."""

from __future__ import annotations

import json

import openai
import pytest
from pydantic import BaseModel

from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, serving
from tests.server.test_chat import client


class Place(BaseModel):
    """Somewhere."""

    name: str
    people: int


BONN = Place(name="Bonn", people=340_000)
GOOD, MISFIT = '{"name": "Bonn", "people": 340000}', '{"name": "Bonn", "people": "many"}'
REASONED = json.dumps({"reasoning": "It is well known.", "answer": json.loads(GOOD)})
ASKED = [{"role": "user", "content": "What is the seat of the UNFCCC, and how many live there?"}]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_parsed_by_the_client_and_checked_here(stream):
    model = ScriptedModel([MISFIT, GOOD, REASONED])
    async with serving(model) as served, client(served) as asking:
        options = {"model": MODEL, "messages": ASKED, "response_format": Place}
        if stream:
            async with asking.chat.completions.stream(**options) as events:
                said = await events.get_final_completion()
        else:
            said = await asking.chat.completions.parse(**options)
    assert said.choices[0].message.parsed == BONN
    # what did not fit was revised, and an independent attempt agrees
    assert stream or (said.agentfix["kind"], said.agentfix["supported_by"]) == ("json", "agreement")
    model.assert_done()
    assert model.requests[0].schema["properties"]["people"]["type"] == "integer"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_is_parsed_too(stream):
    async with serving(ScriptedModel([MISFIT, GOOD, REASONED])) as served, client(served) as asking:
        options = {"model": MODEL, "input": ASKED[0]["content"], "text_format": Place}
        if stream:
            async with asking.responses.stream(**options) as events:
                said = await events.get_final_response()
        else:
            said = await asking.responses.parse(**options)
    assert said.output_parsed == BONN and said.agentfix["supported_by"] == "agreement"
    assert said.text.format.type == "json_schema"


async def test_where_nothing_fits_a_strict_schema_there_is_no_answer():
    async with serving(ScriptedModel([MISFIT] * 9), max_rounds=2) as served, client(served) as asking:
        said = await asking.chat.completions.parse(model=MODEL, messages=ASKED, response_format=Place)
        message = said.choices[0].message
        assert (message.content, message.parsed) == (None, None) and "people" in message.refusal
        # without `strict` it is given as it is
        loose = {"type": "json_schema", "json_schema": {"name": "place", "schema": Place.model_json_schema()}}
        said = await asking.chat.completions.create(model=MODEL, messages=ASKED, response_format=loose)
        assert said.choices[0].message.content == MISFIT and not said.agentfix["supported"]


async def test_any_object_will_do_for_json_mode():
    model = ScriptedModel(['```json\n{"a": 1}\n```', "It is Bonn."])
    async with serving(model) as served, client(served) as asking:
        options = {"model": f"none/{MODEL}", "messages": ASKED, "response_format": {"type": "json_object"}}
        one, other = [(await asking.chat.completions.create(**options)).choices[0].message for _ in range(2)]
    assert one.content == '{"a": 1}' and other.content is None and "no JSON" in other.refusal


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_ends_where_the_client_stops_it(stream):
    text = {"agentfix": {"kind": "text"}}
    async with serving(ScriptedModel(["Thought: look.\nObservation: rain\nEND"])) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=f"none/{MODEL}", messages=ASKED, extra_body=text,
                                                    stop=["END", "\nObservation"], stream=stream)
        if stream:
            chunks = [chunk async for chunk in said]
            content, ledger = "".join(chunk.choices[0].delta.content or "" for chunk in chunks), chunks[-1].agentfix
        else:
            content, ledger = said.choices[0].message.content, said.agentfix
    assert (content, ledger["cut_at"]) == ("Thought: look.", "\nObservation") and "rain" in ledger["answer"]


async def test_what_frameworks_send_by_habit_is_no_fault():
    async with serving(ScriptedModel(["Hello."])) as served, client(served) as asking:
        said = await asking.chat.completions.create(
            model=f"none/{MODEL}", messages=ASKED, n=1, logprobs=False, stop=[], temperature=1, top_p=1, seed=1,
            presence_penalty=0, frequency_penalty=0, parallel_tool_calls=True, store=False, user="me",
            response_format={"type": "text"}, tools=openai.omit, extra_body={"agentfix": {"kind": "text"}})
    assert said.choices[0].message.content == "Hello."


async def test_what_nobody_can_check_is_refused_where_it_must_fit_and_else_not_supported():
    long = '"' + "x" * 1_000_001 + '"'
    text = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string"}}}
    strict = {"type": "json_schema", "json_schema": {**text["json_schema"], "strict": True}}
    async with serving(ScriptedModel([long] * 9), max_rounds=1) as served, client(served) as asking:
        loose, held = [await asking.chat.completions.create(model=MODEL, messages=ASKED, response_format=form)
                       for form in (text, strict)]
    assert loose.choices[0].message.content == long and not loose.agentfix["supported"]
    assert held.choices[0].message.content is None and "at most" in held.choices[0].message.refusal
