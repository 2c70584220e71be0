"""What an endpoint offers is used, what it refuses is learnt once, and what it lacks is made up for."""

from __future__ import annotations

import asyncio
import json
import traceback

import pytest

from agentfix import Agent, ConfigError, Settings, UnknownNameError, load_settings
from agentfix.endpoints import Endpoint, Price
from agentfix.errors import InputError, ModelError
from agentfix.models.openai.model import OpenAIModel
from agentfix.models.openai.opening import open_model
from agentfix.models.openai.pool import Pool
from agentfix.settings import read_key
from agentfix.types import Delta, Image, Message, ModelRequest, Sampling, ToolCall, ToolSpec
from tests.models.openai.conftest import KEY
from tests.models.openai.loopback import (
    USAGE,
    choice,
    delta,
    hangs,
    plain,
    reply,
    says,
    sends,
    serving,
    status,
    streams,
)

HELLO = (Message("user", "Say hello."),)
ADD = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


async def answers(model, request=None, **asked):
    completions = await model.generate(request or ModelRequest(HELLO, **asked))
    await model.aclose()
    return completions


# --- n ----------------------------------------------------------------------------------------------------------------


async def test_several_choices_come_from_one_request_and_share_its_tokens(model_of):
    async with serving(says("a", "b", "c")) as server:
        completions = await answers(model_of(server.url), n=3)
    assert [c.text for c in completions] == ["a", "b", "c"] and server.asked[0].body["n"] == 3
    assert sum(c.usage.completion_tokens for c in completions) == 4
    assert [c.usage.prompt_tokens for c in completions] == [10, 0, 0]


@pytest.mark.parametrize("first", [
    says("only one"), status(400, "Field 'n': Value must be between 1 <= value <= 2, but got 3"),
    status(400, "no", {"param": "n"}),
])
async def test_a_server_that_gives_one_choice_is_asked_for_the_rest_and_from_then_on_one_by_one(model_of, first):
    async with serving(first, says("again")) as server:
        model = model_of(server.url)
        deltas: list[Delta] = []
        completions = await model.generate(ModelRequest(HELLO, Sampling(seed=5), n=3), on_delta=deltas.append)
        asked = len(server.asked)
        assert len(await answers(model, n=3)) == 3
    assert len(completions) == 3 and {d.index for d in deltas} == {0, 1, 2}
    assert len(server.asked) == asked + 3 and all("n" not in a.body for a in server.asked[1:])
    assert len({a.body["seed"] for a in server.asked[-3:]}) == 3


async def test_completions_that_come_one_by_one_are_asked_for_at_once_and_learn_together(model_of):
    here, all_here = [], asyncio.Event()

    async def refuses_until(request, write):
        form = request.body.get("response_format", {}).get("type", "prompt")
        if form != "prompt":
            here.append(form)
            if len(here) == 3:
                all_here.set()
            await all_here.wait()  # so that all three are refused for the same thing
            await write(plain(400, {"error": {"message": f"response_format {form} is not supported"}}))
        else:
            await write(plain(200, reply(choice('{"ok": true}'))))

    async with serving(refuses_until) as server:
        model = model_of(server.url)
        model._habits.one_at_a_time = True
        completions = await answers(model, n=3, schema=SCHEMA)
    assert [c.text for c in completions] == ['{"ok": true}'] * 3 and server.most_at_once == 3
    assert here[:3] == ["json_schema"] * 3 and set(here[3:]) == {"json_object"}


async def test_one_of_several_that_fails_is_left_out(model_of):
    async with serving(says("one"), says("two"), status(400, "enough"), says("four")) as server:
        model = model_of(server.url, max_retries=0)
        assert [c.text for c in await answers(model, n=4)] == ["one", "two", "four"]
        with pytest.raises(ModelError, match="No call"):
            await answers(model, n=2, max_calls=0)
    async with serving(status(400, "enough")) as server:
        model = model_of(server.url)
        model._habits.one_at_a_time = True
        with pytest.raises(ModelError, match="enough"):
            await answers(model, n=3)


async def test_what_came_is_kept_when_the_rest_can_not_be_had(model_of):
    async with serving(says("one"), status(400, "enough now")) as server:
        assert [c.text for c in await answers(model_of(server.url), n=3)] == ["one"]


# --- tools, images, reasoning, log-probabilities ----------------------------------------------------------------------


async def test_tools_are_offered_called_and_answered(model_of):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    async with serving(sends(plain(200, reply(choice(None, finish="tool_calls", tool_calls=[call]))))) as server:
        talk = (*HELLO, Message("assistant", "", (ToolCall("add", {"a": 0}, "c0"),)), Message("tool", "0", (), "c0"))
        (completion,) = await answers(model_of(server.url), ModelRequest(talk, tools=(ADD,)))
    assert completion.tool_calls == (ToolCall("add", {"a": 1}, "c1"),) and completion.finish_reason == "tool_calls"
    body = server.asked[0].body
    assert body["tools"][0]["function"]["name"] == "add" and body["messages"][2]["tool_call_id"] == "c0"
    assert json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"a": 0}


async def test_calls_streamed_in_pieces_and_in_parallel_are_put_together(model_of):
    def piece(index, arguments, **more):
        return {"index": index, "function": {"arguments": arguments, **more}, **({"id": f"c{index}"} if more else {})}

    act = streams(delta(tool_calls=[piece(0, "", name="add")]), delta(tool_calls=[piece(1, '{"a"', name="add")]),
                  delta(tool_calls=[piece(0, '{"a": 1}')]), delta(tool_calls=[piece(1, ": 2}")]),
                  delta(finish="tool_calls"))
    async with serving(act) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(ModelRequest(HELLO, tools=(ADD,)), on_delta=lambda d: None)
        await model.aclose()
    assert completion.tool_calls == (ToolCall("add", {"a": 1}, "c0"), ToolCall("add", {"a": 2}, "c1"))


@pytest.mark.parametrize("act", [
    status(400, "tools are not supported by this template"), status(500, "tool use is not supported"),
])
async def test_a_model_that_can_not_be_offered_tools_says_so(model_of, act):
    async with serving(act) as server:
        with pytest.raises(ModelError, match="can't be offered tools"):
            await answers(model_of(server.url), ModelRequest(HELLO, tools=(ADD,)))
    assert len(server.asked) == 1


SEEN = ModelRequest((Message("user", "What is it?", images=(Image("data:image/png;base64,AA=="),)),))


async def test_sampling_goes_along_where_it_is_set(model_of):
    set_so = Sampling(top_k=5, min_p=0.1, presence_penalty=0.5, logit_bias=((7, -1.0),))
    async with serving(says("A"), says("A")) as server:
        model = model_of(server.url)
        await answers(model, ModelRequest(HELLO, set_so))
        await answers(model, ModelRequest(HELLO))
    sent, plain = (asked.body for asked in server.asked)
    assert (sent["top_k"], sent["min_p"], sent["presence_penalty"], sent["logit_bias"]) == (5, 0.1, 0.5, {"7": -1.0})
    assert sent.keys() - plain.keys() == {"top_k", "min_p", "presence_penalty", "logit_bias"}


async def test_images_go_with_the_text(model_of):
    async with serving(says("A cat.")) as server:
        assert (await answers(model_of(server.url), SEEN))[0].text == "A cat."
    parts = server.asked[0].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]


@pytest.mark.parametrize("words", ["image input is not supported - hint: mmproj",
                                   'can only concatenate str (not "list") to str'])
async def test_a_model_that_can_not_see_says_so_and_is_not_asked_again(model_of, words):
    async with serving(status(500, words)) as server:
        with pytest.raises(ModelError, match="can't see images"):
            await answers(model_of(server.url), SEEN)
    assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning_is_told_apart_from_the_answer(model_of, name):
    whole = sends(plain(200, reply(choice("4", **{name: "2 and 2"}))))
    pieces = streams(delta(**{name: "2 and 2"}), delta(content="4"), delta(finish="stop"))
    async with serving(whole, pieces) as server:
        model = model_of(server.url)
        deltas: list[Delta] = []
        completions = [*await model.generate(ModelRequest(HELLO)),
                       *await model.generate(ModelRequest(HELLO), on_delta=deltas.append)]
        await model.aclose()
    assert [(c.text, c.reasoning) for c in completions] == [("4", "2 and 2")] * 2
    assert deltas == [Delta("2 and 2", reasoning=True), Delta("4")]


def with_logprobs(*top):
    entries = [{"token": token, "logprob": value} for token, value in top]
    return {**choice("Yes"), "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": entries}]}}


async def test_choices_are_scored_from_one_token(model_of):
    async with serving(sends(plain(200, reply(with_logprobs((" Yes", -1.0), ("yes", -2.0), ("No", -1.0)))))) as server:
        model = model_of(server.url)
        yes, no = await model.score(HELLO, ["Yes", "No"])
        await model.aclose()
    assert yes + no == pytest.approx(1) and yes > no
    assert (server.asked[0].body["max_tokens"], server.asked[0].body["top_logprobs"]) == (1, 20)


async def test_a_server_without_logprobs_can_not_score(model_of):
    async with serving(status(400, "logprobs is not supported", {"param": "logprobs"}), says()) as server:
        model = model_of(server.url)
        with pytest.raises(ModelError, match="no log-probabilities"):
            await model.score(HELLO, ["Yes", "No"])
        await model.aclose()
    assert "top_logprobs" not in server.asked[1].body


async def test_a_character_that_comes_in_halves_is_put_together_and_half_a_one_is_replaced(model_of):
    act = streams(delta(content="ok \ud83d"), delta(content="\ude00 \ud83d"), delta(finish="stop"))
    async with serving(act, says("half \udc80")) as server:
        model = model_of(server.url)
        streamed = await model.generate(ModelRequest((Message("user", "broken \udc80"),)), on_delta=lambda d: None)
        whole = await answers(model)
    assert [c.text for c in (*streamed, *whole)] == ["ok \U0001f600 \ufffd", "half \ufffd"]
    assert server.asked[0].body["messages"][0]["content"] == "broken \ufffd"


# --- structured output ------------------------------------------------------------------------------------------------


async def test_a_schema_is_enforced_where_the_server_can(model_of):
    async with serving(says('{"ok": true}')) as server:
        (completion,) = await answers(model_of(server.url), schema=SCHEMA)
    assert json.loads(completion.text) == {"ok": True}
    assert server.asked[0].body["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_a_schema_is_asked_for_in_words_where_the_server_can_not_and_mended_where_that_fails(model_of):
    acts = [status(500, "1 validation error: response_format json_schema"), status(400, "response_format: no"),
            says("Sure! It is ok."), says('```json\n{"ok": "yes"}\n```'), says('```json\n{"ok": true}\n```')]
    async with serving(*acts) as server:
        (completion,) = await answers(model_of(server.url), schema=SCHEMA)
    assert json.loads(completion.text) == {"ok": True} and len(server.asked) == 5
    assert json.dumps(SCHEMA) in server.asked[2].body["messages"][-1]["content"]
    assert "no JSON" in server.asked[3].body["messages"][-1]["content"]
    assert "'yes' is not of type 'boolean'" in server.asked[4].body["messages"][-1]["content"]
    assert completion.usage.model_calls == 5 and completion.usage.completion_tokens == 12


async def test_what_can_not_be_mended_is_returned_as_it_is(model_of):
    async with serving(says("I would rather not.")) as server:
        (completion,) = await answers(model_of(server.url), schema=SCHEMA)
    assert completion.text == "I would rather not." and len(server.asked) == 3


@pytest.mark.parametrize("schema", [{"type": "wat"}, {"$ref": "https://127.0.0.1:9/schema.json"}])
async def test_a_schema_that_means_nothing_is_not_held_against_the_reply(model_of, schema):
    async with serving(says('{"ok": true}')) as server:
        (completion,) = await answers(model_of(server.url), schema=schema)
    assert completion.text == '{"ok": true}' and len(server.asked) == 1


async def test_a_regular_expression_is_asked_for_in_words_and_mended_where_that_fails(model_of):
    acts = [says("I would say 2024-02."), says("```\n2024-02\n```")]
    async with serving(*acts) as server:
        (completion,) = await answers(model_of(server.url), regex=r"\d{4}-\d{2}")
    assert completion.text == "2024-02" and completion.usage.model_calls == 2
    first, second = (asked.body["messages"] for asked in server.asked)
    assert first[0]["content"].startswith(HELLO[0].content) and r"\d{4}-\d{2}" in first[0]["content"]
    assert "response_format" not in server.asked[0].body
    assert second[-2] == {"role": "assistant", "content": "I would say 2024-02."}
    assert r"does not match the regular expression \d{4}-\d{2}" in second[-1]["content"]


async def test_a_reply_that_matches_is_left_as_it_is(model_of):
    async with serving(says(" a\n")) as server:
        (completion,) = await answers(model_of(server.url), regex=r"\s\w\s")
    assert completion.text == " a\n" and len(server.asked) == 1


async def test_a_reply_that_never_matches_is_returned_as_it_is(model_of):
    async with serving(says("I would rather not.")) as server:
        (completion,) = await answers(model_of(server.url), regex=r"(\w)\1")
    assert completion.text == "I would rather not." and len(server.asked) == 3


@pytest.mark.parametrize(("asked", "complaint"), [
    ({"regex": "("}, "not valid"), ({"regex": "a", "schema": SCHEMA}, "at once")])
async def test_what_no_reply_can_be_held_to_is_said_before_anything_is_asked(model_of, asked, complaint):
    async with serving(says("a")) as server:
        with pytest.raises(InputError, match=complaint):
            await answers(model_of(server.url), **asked)
    assert not server.asked


async def test_a_call_in_place_of_the_wished_for_json_is_not_mended(model_of):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    async with serving(sends(plain(200, reply(choice(None, tool_calls=[call]))))) as server:
        (completion,) = await answers(model_of(server.url), schema=SCHEMA, tools=(ADD,))
    assert completion.finish_reason == "tool_calls" and len(server.asked) == 1  # the server called that `stop`


@pytest.mark.parametrize(("message", "param", "gone", "instead"), [
    ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
     "max_tokens", "max_tokens", "max_completion_tokens"),
    ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature", "temperature", None),
    ("Unknown parameter: seed", None, "seed", None),
    ("Extra inputs are not permitted: stream_options", None, "stream_options", None),
])
async def test_a_parameter_that_is_refused_is_not_sent_again(model_of, message, param, gone, instead):
    async with serving(status(400, message, {"param": param}), says()) as server:
        model = model_of(server.url)
        for _ in range(2):
            (completion,) = await model.generate(ModelRequest(HELLO), on_delta=lambda d: None)
        await model.aclose()
    assert completion.text == "Hello." and len(server.asked) == 3 and gone in server.asked[0].body
    assert all(gone not in a.body and (not instead or instead in a.body) for a in server.asked[1:])


# --- addresses --------------------------------------------------------------------------------------------------------


async def test_a_dead_address_is_left_for_a_live_one_without_waiting(model_of, waits):
    async with serving(status(503)) as dead, serving(says("alive")) as live:
        model = model_of(dead.url, live.url)
        for _ in range(3):
            (completion,) = await model.generate(ModelRequest(HELLO))
        await model.aclose()
    assert completion.text == "alive" and (len(dead.asked), len(live.asked)) == (1, 3) and sum(waits) == 0


@pytest.mark.parametrize("act", [
    status(500), status(429, retry_after="900"), sends(plain(200, b"<html>", content_type="text/html")),
    streams(delta(content="x")), sends(b""),
], ids=["500", "429", "html", "cut", "hang up"])
async def test_an_address_that_fails_in_any_way_is_left_for_another_at_once(model_of, waits, act):
    async with serving(act) as bad, serving(says("alive")) as well:
        model = model_of(bad.url, well.url)
        for _ in range(3):
            (completion,) = await model.generate(ModelRequest(HELLO), on_delta=lambda d: None)
        await model.aclose()
    assert completion.text == "alive" and (len(bad.asked), len(well.asked)) == (1, 3) and sum(waits) == 0


async def test_the_least_loaded_address_is_asked(model_of):
    came = asyncio.Event()

    async def stays(request, write):
        came.set()
        await hangs(request, write)

    async with serving(stays) as slow, serving(says()) as quick:
        model = model_of(slow.url, quick.url)
        stuck = asyncio.create_task(model.generate(ModelRequest(HELLO)))
        await came.wait()
        for _ in range(4):
            await model.generate(ModelRequest(HELLO))
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        await model.aclose()
    assert (len(slow.asked), len(quick.asked)) == (1, 4)


async def test_no_more_requests_at_once_than_the_endpoint_allows():
    async def slowly(request, write):
        await asyncio.sleep(0.05)
        await write(plain(200, reply()))

    async with serving(slowly) as server:
        settings = Settings(endpoints={"box": Endpoint(base_urls=(server.url,), max_concurrency=3)})
        pools: dict[str, Pool] = {}
        models = [open_model(f"m{i % 2}@box", settings, pools) for i in range(2)]  # two models, one endpoint
        await asyncio.gather(*(models[i % 2].generate(ModelRequest(HELLO)) for i in range(12)))
        for model in models:
            await model.aclose()
    assert len(server.asked) == 12 and server.most_at_once == 3


def test_one_model_serves_one_event_loop_after_another(model_of):
    made: list[OpenAIModel] = []

    async def ask():
        async with serving(says()) as server:
            made[:] = made or [model_of(server.url, server.url)]
            made[0]._pool = Pool(Endpoint(base_urls=(server.url,)))
            (completion,) = await made[0].generate(ModelRequest(HELLO))
            await made[0].aclose()
            await made[0].aclose()
            return completion.text

    assert [asyncio.run(ask()) for _ in range(2)] == ["Hello."] * 2


# --- money, keys, names -----------------------------------------------------------------------------------------------


async def test_what_a_reply_costs_is_reckoned_where_the_price_is_known(model_of):
    async with serving(says()) as server:
        known = await answers(model_of(server.url, price=Price(input=3, output=10, cached_input=1)))
        unknown = await answers(model_of(server.url))
    assert known[0].usage.cost == pytest.approx((4 * 3 + 6 * 1 + 4 * 10) / 1e6)
    assert (known[0].usage.cached_prompt_tokens, known[0].usage.completion_tokens) == (6, 4)
    assert unknown[0].usage.cost is None


async def test_a_picture_is_not_counted_as_text(model_of):
    seen = ModelRequest((Message("user", "What?", images=(Image("data:image/png;base64," + "A" * 100_000),)),))
    async with serving(says("A cat.", usage=None)) as server:
        (completion,) = await answers(model_of(server.url), seen)
    assert completion.usage.estimated and completion.usage.prompt_tokens < 10


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0}])
async def test_tokens_that_no_one_counted_are_estimated_and_said_to_be(model_of, usage):
    async with serving(says("word " * 40, usage=usage)) as server:
        (completion,) = await answers(model_of(server.url))
    assert completion.usage.estimated and 20 < completion.usage.completion_tokens < 100
    assert USAGE["prompt_tokens"] == 10


def test_a_limit_on_money_needs_a_price():
    box = Endpoint(base_urls=("http://x/v1",), prices={"known": Price(input=1, output=1)})
    settings = Settings(endpoints={"box": box}, max_cost=1)
    assert open_model("known@box", settings, {}).name == "openai:known@box"
    with pytest.raises(ConfigError, match="max_cost can't be held"):
        open_model("other@box", settings, {})


@pytest.mark.parametrize(("spec", "model", "url"), [
    ("gpt", "gpt", "https://api.openai.com/v1"), ("a/b:c@box", "a/b:c", "http://box/v1"),
    ("@cf/meta/llama@http://h:1/v1", "@cf/meta/llama", "http://h:1/v1"),
    ("@cf/llama", "@cf/llama", "https://api.openai.com/v1"),
])
def test_a_model_is_named_with_its_endpoint(spec, model, url):
    made = open_model(spec, Settings(endpoints={"box": Endpoint(base_urls=("http://box/v1",))}), {})
    assert (made._model, made._pool.endpoint.base_urls) == (model, (url,))


@pytest.mark.parametrize("spec", ["m@ftp://x/v1", "m@http://", "m@http://me:secret@x/v1", "m@http://x:port/v1"])
def test_what_is_no_address_is_one_line_without_what_was_written(spec):
    with pytest.raises(ConfigError, match="can't be asked there") as caught:
        open_model(spec, Settings(), {})
    assert "secret" not in "".join(traceback.format_exception(caught.value)) and "\n" not in str(caught.value)


def test_an_address_is_sent_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert open_model("m@http://elsewhere/v1", Settings(), {})._pool.endpoint.key == ""
    assert open_model("m", Settings(), {})._pool.endpoint.key == "OPENAI_API_KEY"


def test_endpoints_are_read_from_the_settings_file(tmp_path):
    (tmp_path / "agentfix.toml").write_text('[endpoints.box]\nbase_urls = ["http://box/v1"]\n')
    settings = load_settings(directory=tmp_path, environment={"OPENAI_BASE_URL": "http://here/v1"})
    assert settings.endpoint("box").base_urls == ("http://box/v1",)
    assert settings.endpoint("openai").base_urls == ("http://here/v1",)
    with pytest.raises(UnknownNameError, match="Did you mean 'box'"):
        settings.endpoint("bex")
    (tmp_path / "agentfix.toml").write_text('[endpoints.box]\nbase_urls = ["box"]\n')
    with pytest.raises(ConfigError, match=r"endpoints\.box"):
        load_settings(directory=tmp_path, environment={})


def test_a_key_that_was_written_where_its_name_belongs_is_refused_and_not_repeated(tmp_path):
    (tmp_path / "agentfix.toml").write_text(f'[endpoints.box]\nbase_urls = ["http://box/v1"]\nkey = "{KEY}"\n')
    with pytest.raises(ConfigError, match="name of an environment variable") as caught:
        load_settings(directory=tmp_path, environment={})
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_the_default_endpoint_is_given_prices_without_saying_where_it_is(tmp_path):
    (tmp_path / "agentfix.toml").write_text("[endpoints.openai.prices.gpt]\ninput = 1\noutput = 2\n")
    here = {"OPENAI_BASE_URL": "http://here/v1"}
    for environment, url in (({}, "https://api.openai.com/v1"), (here, "http://here/v1")):
        endpoint = load_settings({"max_cost": 1.0}, directory=tmp_path, environment=environment).endpoint("openai")
        assert endpoint.base_urls == (url,) and endpoint.key == "OPENAI_API_KEY"
        assert endpoint.prices["gpt"] == Price(input=1, output=2)


def test_a_key_comes_from_the_environment_or_else_the_keyring(monkeypatch):
    import keyring
    from keyring.backend import KeyringBackend

    class Box(KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return {("agentfix", "TEST_KEY"): "from the keyring"}.get((service, username))

        def set_password(self, service, username, password): ...

        def delete_password(self, service, username): ...

    before = keyring.get_keyring()
    keyring.set_keyring(Box())
    try:
        assert read_key("TEST_KEY", {}) == "from the keyring" and read_key("OTHER_KEY", {}) is None
        assert read_key("TEST_KEY", {"TEST_KEY": "from the environment\r\n"}) == "from the environment"
        with pytest.raises(ConfigError, match="TEST_KEY holds a character") as told:
            read_key("TEST_KEY", {"TEST_KEY": "sk-secret\nnext"})
        assert "secret" not in str(told.value)
    finally:
        keyring.set_keyring(before)


# --- whole ------------------------------------------------------------------------------------------------------------


async def test_a_run_over_an_endpoint_with_a_failure_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    program = "```python\ndef solution():\n    return 15 * 4\n```"
    acts = [says(program), status(500, f"no {KEY}"), says("4 crates of 15 are 60.\nThe answer is 60.")]
    async with serving(*acts) as server:
        box = Endpoint(base_urls=(server.url,), key="TEST_KEY")
        settings = Settings(model="openai:m@box", endpoints={"box": box}, sandbox="embedded", data_dir=tmp_path)
        events = []
        async with Agent(settings) as agent:
            result = await agent.arun("A crate holds 15 jars. How many jars are in 4 crates?", on_event=events.append)
    assert result.answer == "60" and not result.abstained and result.usage.cost is None
    assert result.usage.model_calls == 3 and any(e.kind == "delta" for e in events)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"openai:m@box" in data for data in kept) and not any(KEY.encode() in data for data in kept)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}" and KEY not in repr([events, result, settings])


async def test_a_refused_key_ends_a_run_in_one_line_without_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(status(401, f"Incorrect API key provided: {KEY}")) as server:
        settings = Settings(model="openai:m", openai_base_url=server.url, sandbox="embedded", data_dir=tmp_path)
        async with Agent(settings) as agent:
            with pytest.raises(ModelError, match="keyring set agentfix OPENAI_API_KEY") as caught:
                await agent.arun("How many jars are 4 crates of 15?")
    assert "\n" not in str(caught.value) and KEY not in "".join(traceback.format_exception(caught.value))
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_a_critic_may_be_at_another_endpoint(tmp_path):
    async with serving(says("4 crates of 15 are 60.\nThe answer is 60.")) as actor, serving(says("Correct.")) as critic:
        settings = Settings(model=f"openai:m@{actor.url}", critic_model=f"openai:c@{critic.url}", sandbox="embedded",
                            strategy="self-refine", kind="text", data_dir=tmp_path)
        async with Agent(settings) as agent:
            await agent.arun("How many jars are 4 crates of 15?")
    assert {a.body["model"] for a in actor.asked} == {"m"} and {a.body["model"] for a in critic.asked} == {"c"}


@pytest.mark.parametrize(("spec", "hint"), [
    ("any@localhost:8017/v1", "openai:any@http://localhost:8017/v1"), ("any@bix", "Did you mean 'box'?"),
    ("a@elsewhere", "Known: box, openai."),
])
def test_what_is_meant_for_an_endpoint_that_there_is_not_goes_to_no_other(spec, hint):
    settings = Settings(endpoints={"box": Endpoint(base_urls=("http://127.0.0.1:9/v1",))})
    with pytest.raises(UnknownNameError) as told:
        open_model(spec, settings, {})
    assert hint in told.value.hint
    assert open_model("@cf/meta/llama", settings, {}).name == "openai:@cf/meta/llama"
    assert open_model("a@b@openai", settings, {}).name == "openai:a@b@openai"
