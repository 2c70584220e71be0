"""The Responses API with OpenAI's own Python client, unmodified, over real HTTP."""

from __future__ import annotations

import json

import openai
import pytest

from agentfix import Completion, ModelError
from agentfix.server.account import Account
from agentfix.server.keys import Keys
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, QUESTION, SOLVED, serving
from tests.server.test_chat import client
from tests.server.test_tools import CALLS, PLACE

TOOL = {"type": "function", "name": "weather", "description": "Of a place.", "parameters": PLACE, "strict": False}


async def test_a_checked_answer_comes_with_its_evidence_and_usage():
    async with serving(ScriptedModel(SOLVED)) as served, client(served) as asking:
        said = await asking.responses.create(model=f"critic/{MODEL}", input=QUESTION)
        assert (said.output_text, said.status, said.model) == ("60", "completed", f"critic/{MODEL}")
        assert [item.type for item in said.output] == ["reasoning", "message"]
        assert "NameError" in said.output[0].summary[0].text
        assert said.agentfix["supported_by"] == "agreement" and said.id == f"resp_{said.agentfix['run_id']}"
        assert said.usage.total_tokens == said.usage.input_tokens + said.usage.output_tokens > 0


async def test_rounds_are_streamed_as_a_summary_of_reasoning():
    async with serving(ScriptedModel(SOLVED)) as served, client(served) as asking, \
            asking.responses.stream(model=MODEL, input=QUESTION) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == [*range(len(events))]
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[1], kinds[-1]) == ("response.created", "response.in_progress", "response.completed")
    thought = "".join(e.delta for e in events if e.type == "response.reasoning_summary_text.delta")
    assert "NameError" in thought and final.output[0].summary[0].text == thought
    assert final.output_text == "60" == "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert kinds.index("response.output_text.delta") > kinds.index("response.reasoning_summary_text.done")
    assert final.agentfix["supported_by"] == "agreement"


async def test_calls_are_handed_on_and_what_came_of_them_reaches_the_model():
    model = ScriptedModel([CALLS, CALLS, "It rains."])
    async with serving(model) as served, client(served) as asking:
        options = {"model": MODEL, "tools": [TOOL], "instructions": "Be brief."}
        whole = await asking.responses.create(**options, input="How is the weather?")
        async with asking.responses.stream(**options, input="How is the weather?") as stream:
            streamed = await stream.get_final_response()
        for said in (whole, streamed):
            assert [(c.call_id, c.name, json.loads(c.arguments)) for c in said.output[1:]] == [
                ("call_1", "weather", {"place": "Bonn"}), ("call_2", "weather", {"place": "Köln"})]
        results = [{"type": "function_call_output", "call_id": f"call_{n}", "output": "rain"} for n in (1, 2)]
        asked = [{"role": "user", "content": "How is the weather?"},
                 *(item.model_dump(exclude_none=True) for item in whole.output), *results]
        assert (await asking.responses.create(**options, input=asked)).output_text == "It rains."
    assert [(m.role, m.content) for m in model.requests[2].messages] == [
        ("system", "Be brief."), ("user", "How is the weather?"), ("assistant", "I look."), ("tool", "rain"),
        ("tool", "rain")]
    assert [call.id for call in model.requests[2].messages[2].tool_calls] == ["call_1", "call_2"]
    assert [tool.name for tool in model.requests[2].tools] == ["weather"]


async def test_a_refusal_and_a_text_that_was_cut_off_say_what_they_are():
    cut = Completion("It ra", "length")
    async with serving(ScriptedModel(["Hm.", "Hm.", cut])) as served, client(served) as asking:
        options = {"model": f"none/{MODEL}", "input": QUESTION, "extra_body": {"agentfix": {"kind": "math"}}}
        whole = await asking.responses.create(**options)
        async with asking.responses.stream(**options) as stream:
            streamed = await stream.get_final_response()
        for said in (whole, streamed):
            assert "No answer" in said.output[-1].content[0].refusal and said.output_text == ""
        said = await asking.responses.create(model=MODEL, input="How is the weather?", tools=[TOOL])
        assert (said.status, said.incomplete_details.reason) == ("incomplete", "max_output_tokens")


async def test_earlier_turns_and_pictures_reach_the_model():
    model = ScriptedModel(["Hello."])
    picture = "data:image/png;base64,iVBORw0KGgo="
    async with serving(model) as served, client(served) as asking:
        await asking.responses.create(model=f"none/{MODEL}", extra_body={"agentfix": {"kind": "text"}}, input=[
            {"role": "user", "content": "My name is Zed."},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Ahoy Zed."}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is here?"}, {"type": "input_image", "image_url": picture}]}])
    asked = model.requests[0].messages[-1]
    assert [image.url for image in asked.images] == [picture]
    assert all(text in asked.content for text in ("My name is Zed.", "Ahoy Zed.", "What is here?"))


@pytest.mark.parametrize("wrong", [
    {"input": []}, {"input": "  "}, {"input": [{"type": "item_reference", "id": "x"}]}, {"input": [{"content": "x"}]},
    {"previous_response_id": "resp_1"}, {"background": True}, {"conversation": "c"},
    {"tools": [{"type": "web_search"}]},
    {"text": {"format": {"type": "json_schema"}}},
    {"text": {"format": {"type": "json_schema", "schema": {"type": 1}}}},
    {"previous_response_id": "x" * 1000}, {"previous_response_id": 7}, {"store": "maybe"},
    {"tool_choice": "required", "tools": []}, {"model": "nothing"},
    {"input": [{"type": "function_call", "call_id": "1", "name": "", "arguments": "{}"}]},
    {"input": [{"type": "function_call", "call_id": "1", "name": "f", "arguments": "x"}]},
])
async def test_what_can_not_be_had_is_refused(wrong):
    async with serving(ScriptedModel([])) as served, client(served) as asking:
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)):
            await asking.post("/responses", body={"model": MODEL, "input": QUESTION, **wrong}, cast_to=object)


async def test_a_failure_in_mid_stream_is_an_event():
    class Failing:
        name = "failing"

        async def generate(self, request, *, on_delta=None):
            from agentfix import Delta

            on_delta(Delta("It "))
            raise ModelError("It stammers.")

        async def aclose(self) -> None:
            pass

    async with serving(Failing()) as served, client(served) as asking:
        events = [event async for event in await asking.responses.create(
            model=MODEL, input="How is the weather?", tools=[TOOL], stream=True)]
    assert (events[-1].type, events[-1].code, events[-1].sequence_number) == ("error", "model_failed", len(events) - 1)


async def test_fields_of_chat_completions_have_no_effect_and_are_named():
    odd = {"messages": 1, "n": "many", "response_format": [], "_fields_set": 7, "seed": {}, "stop": 5}
    async with serving(ScriptedModel(["Hello."])) as served, client(served) as asking:
        said = await asking.responses.create(model=f"none/{MODEL}", input="Hi", extra_body={
            **odd, "agentfix": {"kind": "text"}})
    assert said.output_text == "Hello." and {*odd} <= {*said.agentfix["ignored"]}


async def test_a_response_is_gone_on_from_and_asked_for_again_by_the_key_that_has_it_alone():
    model = ScriptedModel(["Hello Zed.", "You are Zed.", "Still Zed.", CALLS])
    keys = Keys({"sk-alice": Account("alice"), "sk-bob": Account("bob")})
    text = {"model": f"none/{MODEL}", "extra_body": {"agentfix": {"kind": "text"}}}
    async with serving(model, keys=keys) as served, client(served, "sk-alice") as alice, client(
            served, "sk-bob") as bob:
        first = await alice.responses.create(**text, input="My name is Zed.", instructions="Speak like a pirate.")
        assert first.store is True
        async with alice.responses.stream(**text, input="Who am I?", previous_response_id=first.id) as stream:
            second = await stream.get_final_response()
        assert second.previous_response_id == first.id
        unkept = await alice.responses.create(**text, input="And now?", previous_response_id=second.id, store=False)
        assert unkept.store is False
        for response in (first, second):
            again = await alice.responses.retrieve(response.id)
            assert (again.output_text, again.agentfix) == (response.output_text, response.agentfix)
        direct = await alice.responses.create(model=MODEL, input="Call it.", tools=[TOOL],
                                              previous_response_id=second.id)
        assert direct.store is False
        for asking, name in ((bob, first.id), (alice, unkept.id), (alice, direct.id), (alice, first.id[5:]),
                             (alice, "resp_' OR 1=1"), (alice, "resp_../x")):
            with pytest.raises(openai.NotFoundError):
                await asking.responses.retrieve(name)
            with pytest.raises(openai.BadRequestError) as error:
                await asking.responses.create(**text, input="Who am I?", previous_response_id=name)
            assert error.value.code == "previous_response_not_found"
    asked = [request.messages[-1].content for request in model.requests]
    assert "pirate" in asked[0] and "pirate" not in asked[1]  # instructions are of one response
    assert all(said in asked[2] for said in ("My name is Zed.", "Hello Zed.", "Who am I?", "You are Zed.", "And now?"))
    assert [(message.role, message.content) for message in model.requests[3].messages] == [
        ("user", "My name is Zed."), ("assistant", "Hello Zed."), ("user", "Who am I?"),
        ("assistant", "You are Zed."), ("user", "Call it.")]


@pytest.mark.parametrize("text", ["long", "picture"])
async def test_a_conversation_grows_no_longer_than_a_body_may_be(text):
    picture = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 600}
    said = "x" * 600 if text == "long" else [
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, picture]}]
    options = {"model": f"none/{MODEL}", "input": said, "extra_body": {"agentfix": {"kind": "text"}}}
    async with serving(ScriptedModel(["A."] * 3), body_bytes=1_500) as served, client(served) as asking:
        first = await asking.responses.create(**options)
        second = await asking.responses.create(**options, previous_response_id=first.id)
        with pytest.raises(openai.BadRequestError, match="Begin anew") as error:
            await asking.responses.create(**options, previous_response_id=second.id)
    assert error.value.param == "previous_response_id"


async def test_metadata_is_said_again():
    options = {"model": f"none/{MODEL}", "input": QUESTION, "extra_body": {"agentfix": {"kind": "text"}}}
    async with serving(ScriptedModel(["A."])) as served, client(served) as asking:
        said = await asking.responses.create(**options, metadata={"order": "7"})
        assert (said.metadata, said.agentfix["ignored"]) == ({"order": "7"}, [])
        for wrong in ({str(n): "x" for n in range(17)}, {"x": 1}, {"x" * 65: "x"}):
            with pytest.raises(openai.BadRequestError, match="metadata"):
                await asking.responses.create(**options, metadata=wrong)
