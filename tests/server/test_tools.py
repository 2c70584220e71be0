"""The client's own tools pass through whole: the model is asked directly, and its calls are handed on."""

from __future__ import annotations

import json

import openai
import pytest

from agentfix import Completion, Delta, ToolCall, Usage
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, serving
from tests.server.test_chat import client

PLACE = {"type": "object", "properties": {"place": {"$ref": "#/$defs/Place"}}, "required": ["place"],
         "$defs": {"Place": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Of a place.", "parameters": PLACE}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
ASKED = [{"role": "user", "content": "How is the weather in Bonn?"}]
CALLS = Completion("I look.", "tool_calls", Usage(7, 3, 5), (
    ToolCall("weather", {"place": "Bonn"}, "call_1"), ToolCall("weather", {"place": "Köln"}, "call_2")))


async def test_calls_are_handed_on_and_what_came_of_them_reaches_the_model():
    model = ScriptedModel([CALLS, "It rains."])
    async with serving(model) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=f"critic/{MODEL}", messages=ASKED, tools=[WEATHER])
        message = said.choices[0].message
        assert [(c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls] == [
            ("call_1", "weather", {"place": "Bonn"}), ("call_2", "weather", {"place": "Köln"})]
        assert (message.content, said.choices[0].finish_reason) == ("I look.", "tool_calls")
        assert (said.usage.prompt_tokens, said.usage.completion_tokens, said.usage.total_tokens) == (7, 5, 12)
        assert said.usage.prompt_tokens_details.cached_tokens == 3
        assert said.agentfix["direct"] is True and "supported" not in said.agentfix
        answers = [{"role": "tool", "tool_call_id": f"call_{n}", "content": "rain"} for n in (1, 2)]
        last = await asking.chat.completions.create(
            model=MODEL, messages=[*ASKED, message.model_dump(exclude_none=True), *answers], tools=[WEATHER])
        assert last.choices[0].message.content == "It rains." and last.choices[0].message.tool_calls is None
    first, second = model.requests
    assert [(t.name, t.description, t.parameters) for t in first.tools] == [("weather", "Of a place.", PLACE)]
    assert [(m.role, m.content, m.tool_call_id) for m in second.messages] == [
        ("user", ASKED[0]["content"], ""), ("assistant", "I look.", ""), ("tool", "rain", "call_1"),
        ("tool", "rain", "call_2")]
    assert second.messages[1].tool_calls == CALLS.tool_calls


async def test_calls_and_text_are_streamed():
    async with serving(ScriptedModel([CALLS])) as served, client(served) as asking, \
            asking.chat.completions.stream(model=MODEL, messages=ASKED, tools=[WEATHER]) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_completion()
    assert [event.delta for event in events if event.type == "content.delta"] == ["I ", "look."]
    assert [c.function.arguments for c in final.choices[0].message.tool_calls] == [
        '{"place": "Bonn"}', '{"place": "K\\u00f6ln"}']
    assert final.choices[0].finish_reason == "tool_calls"


async def test_what_the_client_says_of_sampling_and_form_reaches_the_model():
    model = ScriptedModel(['{"a": 1}', "b"])
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    async with serving(model) as served, client(served) as asking:
        said = await asking.chat.completions.create(
            model=MODEL, messages=ASKED, tools=[CLOCK], tool_choice="none", n=2, temperature=0.5, top_p=0.9, seed=7,
            stop=["END"], max_completion_tokens=99,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert [choice.message.content for choice in said.choices] == ['{"a": 1}', "b"]
    request = model.requests[0]
    assert (request.n, request.tools, request.schema) == (2, (), schema)
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop, sampling.max_tokens) == (
        0.5, 0.9, 7, ("END",), 99)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_can_be_required(stream):
    model = ScriptedModel(['{"place": "Bonn"}', '{"name": "clock", "arguments": {}}', "no call"])
    named = {"type": "function", "function": {"name": "weather"}}
    async with serving(model) as served, client(served) as asking:
        async def called(choice):
            answer = await asking.chat.completions.create(model=MODEL, messages=ASKED, tools=[WEATHER, CLOCK],
                                                          tool_choice=choice, stream=stream)
            if stream:
                deltas = [chunk.choices[0].delta async for chunk in answer]
                assert not any(delta.content for delta in deltas)
                return next(delta.tool_calls for delta in deltas if delta.tool_calls)[0].function
            assert answer.choices[0].finish_reason == "tool_calls" and answer.choices[0].message.content is None
            return answer.choices[0].message.tool_calls[0].function

        one, any_one = await called(named), await called("required")
        assert (one.name, json.loads(one.arguments)) == ("weather", {"place": "Bonn"})
        assert (any_one.name, json.loads(any_one.arguments)) == ("clock", {})
        with pytest.raises(openai.APIStatusError):
            await called("required")
        for wrong in ({"type": "function", "function": {"name": "nothing"}}, "always"):
            with pytest.raises(openai.BadRequestError):
                await called(wrong)
    one, any_one, _ = model.requests
    assert one.schema == PLACE and "weather" in one.messages[0].content and "clock" not in one.messages[0].content
    assert [shape["properties"]["name"]["const"] for shape in any_one.schema["anyOf"]] == ["weather", "clock"]
    assert any_one.schema["$defs"] == PLACE["$defs"]  # where the references of the tool's own schema look for it


async def test_a_connection_that_broke_in_mid_answer_is_told_not_glued():
    class Breaking:
        name = "breaking"

        async def generate(self, request, *, on_delta=None):
            on_delta(Delta("It ra"))
            on_delta(Delta("", restart=True))
            on_delta(Delta("It rains."))
            return [Completion("It rains.")]

        async def aclose(self) -> None:
            pass

    async with serving(Breaking()) as served, client(served) as asking:
        with pytest.raises(openai.APIError, match="broke"):
            async for _ in await asking.chat.completions.create(model=MODEL, messages=ASKED, tools=[CLOCK],
                                                                stream=True):
                pass


STRICT = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": PLACE}}
NUMBER = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}, "strict": True}}


def calling(name="weather", **arguments) -> Completion:
    return Completion("", "tool_calls", Usage(completion_tokens=1), (ToolCall(name, arguments, "call_1"),))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("said", "tool", "choice", "why"), [
    (calling("rm_rf"), WEATHER, "auto", "none of the tools"), (calling(), CLOCK, "auto", "none of the tools"),
    ('{"name": "rm_rf", "arguments": {}}', WEATHER, "required", "none of the tools"),
    (calling(place=5), STRICT, "auto", "does not fit"), ('{"place": 5}', STRICT, "required", "does not fit"),
    (calling(place=float("nan")), WEATHER, "auto", "no JSON"), (calling(place="[" * 5), STRICT, "auto", ""),
    (calling(place=5), WEATHER, "auto", ""), (calling(place=5), STRICT, "none", "none of the tools"),
])
async def test_a_call_that_the_client_ruled_out_is_not_handed_on(said, tool, choice, why, stream):
    tools = [tool, CLOCK] if "name" in str(said)[:9] else [tool]
    async with serving(ScriptedModel([said])) as served, client(served) as asking:
        async def asked():
            answer = await asking.chat.completions.create(model=MODEL, messages=ASKED, tools=tools,
                                                          tool_choice=choice, stream=stream)
            return [chunk async for chunk in answer] if stream else answer

        if why:
            with pytest.raises(openai.APIError, match=why):
                await asked()
        else:
            await asked()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_that_does_not_fit_a_strict_schema_is_refused_beside_tools_too(stream):
    async with serving(ScriptedModel(['"many"', "7", calling(place="Bonn")])) as served, client(served) as asking:
        async def asked():
            options = {"model": MODEL, "messages": ASKED, "tools": [WEATHER], "response_format": NUMBER}
            if not stream:
                return (await asking.chat.completions.create(**options)).choices[0].message
            async with asking.chat.completions.stream(**options) as events:
                return (await events.get_final_completion()).choices[0].message

        misfit, fit, call = [await asked() for _ in range(3)]
    assert misfit.content is None and "not of type 'integer'" in misfit.refusal
    assert (fit.content, fit.refusal, call.refusal) == ("7", None, None) and call.tool_calls


@pytest.mark.parametrize("arguments", ['{"a": NaN}', '{"a": "\\ud800"}', '{"a":' * 600 + "1" + "}" * 600, "[]"])
async def test_arguments_that_are_no_json_for_everybody_reach_no_model(arguments):
    sent = [*ASKED, {"role": "assistant", "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "weather", "arguments": arguments}}]},
        {"role": "tool", "tool_call_id": "1", "content": "x"}]
    async with serving(ScriptedModel([])) as served, client(served) as asking:
        with pytest.raises(openai.BadRequestError, match="JSON object"):
            await asking.chat.completions.create(model=MODEL, messages=sent)


@pytest.mark.parametrize("tools", [{}, {"tools": [WEATHER]}])
@pytest.mark.parametrize("stream", [False, True])
async def test_half_a_character_is_sent_as_a_sign_that_one_is_missing(tools, stream):
    text = {"agentfix": {"kind": "text"}}
    async with serving(ScriptedModel(["It \ud800 rains."])) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=f"none/{MODEL}", messages=ASKED, stream=stream,
                                                    extra_body=text, **tools)
        content = "".join([chunk.choices[0].delta.content or "" async for chunk in said]) if stream else (
            said.choices[0].message.content)
    assert content == "It \ufffd rains."


async def test_half_a_character_in_a_call_is_replaced_too():
    async with serving(ScriptedModel([calling(place="\ud800")])) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=MODEL, messages=ASKED, tools=[WEATHER])
    assert json.loads(said.choices[0].message.tool_calls[0].function.arguments) == {"place": "\ufffd"}
