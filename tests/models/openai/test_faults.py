"""What goes wrong on the way to a model: the right retry, or one line that says what to do."""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import time
import traceback

import pytest

from agentfix.endpoints import Endpoint
from agentfix.errors import ContextOverflowError, ModelError, ModelReplyError, ModelUnavailableError
from agentfix.models.openai.model import OpenAIModel
from agentfix.models.openai.pool import Pool
from agentfix.types import Delta, Message, ModelRequest, ToolSpec
from tests.models.openai.conftest import KEY
from tests.models.openai.loopback import (
    DONE,
    choice,
    comments,
    delta,
    drips,
    event,
    hangs,
    plain,
    reply,
    says,
    sends,
    serving,
    status,
    streams,
)

HELLO = ModelRequest((Message("user", "Say hello."),))
ADD = ToolSpec("add", "Adds.", {"type": "object"})


async def fails(model, error, *, deltas=None, request=HELLO):
    """The one line that a request ends with."""
    with pytest.raises(error) as caught:
        await model.generate(request, on_delta=None if deltas is None else deltas.append)
    await model.aclose()
    said = str(caught.value)
    assert "\n" not in said and KEY not in said and len(said) < 900
    return said


# --- final ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "error", "words"), [
    (status(400, "the temperature of the room is wrong"), ModelError, "answered 400"),
    (status(401, f"Incorrect API key provided: {KEY}\nSee\x1b[31m"), ModelUnavailableError,
     "keyring set agentfix TEST_KEY"),
    (status(403, "no"), ModelUnavailableError, "refuses the key (403)"),
    (status(404, "no such model"), ModelUnavailableError, "Did you mean 'gpt-small'?"),
    (status(400, "Invalid model name passed in model=gpt-smal"), ModelUnavailableError, "Did you mean 'gpt-small'?"),
    (status(413, "too large"), ContextOverflowError, "does not fit the context"),
    (status(400, "no", {"code": "context_length_exceeded"}), ContextOverflowError, "larger context"),
    (status(400, "request (9031 tokens) exceeds the available context size (2048 tokens)",
            {"type": "exceed_context_size_error", "code": 400}), ContextOverflowError, "larger context"),
    (status(500, "Requested tokens (9043) exceed context window of 2048"), ContextOverflowError, "larger context"),
    (status(429, "You exceeded your quota", {"code": "insufficient_quota"}), ModelUnavailableError,
     "account is used up"),
    (status(307, "", location="https://elsewhere.example/v1"), ModelUnavailableError, "https://elsewhere.example/v1"),
    (status(302, "", location="/v2/"), ModelUnavailableError, "has moved to /v2/"),
], ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("streaming", [False, True])
async def test_what_will_not_pass_is_not_tried_again(model_of, waits, act, error, words, streaming):
    async with serving(act, says()) as server:
        said = await fails(model_of(server.url), error, deltas=[] if streaming else None)
    assert words in said and len(server.asked) == 1 and waits == []


# --- passing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [
    status(408), status(409), status(429), status(500, "oops"), status(503, "Loading model"), status(522),
    sends(plain(200, b"{junk")), sends(plain(200, {"choices": []})), sends(plain(200, [1])),
    sends(plain(200, b"<html>Log in</html>", content_type="text/html")),
    sends(b""), sends(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"),
], ids=["408", "409", "429", "500", "503", "522", "junk", "no choices", "list", "html", "hang up", "cut"])
@pytest.mark.parametrize("streaming", [False, True])
async def test_what_may_pass_is_tried_again(model_of, waits, act, streaming):
    async with serving(act, says("Hello there.")) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO, on_delta=(lambda d: None) if streaming else None)
        await model.aclose()
    assert completion.text == "Hello there." and completion.usage.model_calls == len(server.asked) == 2
    assert len(waits) == 1 and 0.2 < waits[0] < 1


async def test_500_thrice_and_then_well(model_of, waits):
    async with serving(*[status(500)] * 3, says()) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO)
        await model.aclose()
    assert completion.text == "Hello." and len(server.asked) == 4
    assert waits[0] < waits[1] < waits[2]


@pytest.mark.parametrize(("act", "error", "words"), [
    (status(500, "oops"), ModelError, "answered 500 for 'gpt-smal': oops"),
    (sends(plain(200, b"<html>Log\nin</html>", content_type="text/html")), ModelReplyError, "text/html"),
    (sends(plain(200, b"{junk")), ModelReplyError, "instead of a reply"),
    (sends(b""), ModelUnavailableError, "can't be reached"),
], ids=["500", "html", "junk", "hang up"])
async def test_what_does_not_pass_ends_in_one_line_after_no_more_than_the_retries(model_of, act, error, words):
    async with serving(act) as server:
        assert words in await fails(model_of(server.url, max_retries=2), error)
    assert len(server.asked) == 3


async def test_nobody_at_the_address_is_one_line(model_of, waits):
    async with serving() as server:
        url = server.url
    assert "can't be reached" in await fails(model_of(url), ModelUnavailableError)
    assert len(waits) == 4


@pytest.mark.parametrize(("headers", "seconds"), [
    ({"retry_after": "7"}, 7), ({"retry_after_ms": "1500"}, 1.5), ({"retry_after": "soon"}, None),
    ({"retry_after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None), ({"retry_after": "-5"}, 0), ({"retry_after": "nan"}, 0),
    ({"retry_after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None), ({"retry_after": "-5"}, 0), ({"retry_after": "nan"}, 0),
    ({"retry_after": None}, 60),
])
async def test_retry_after_is_kept(model_of, waits, headers, seconds):
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    async with serving(status(429, **{name: value or date for name, value in headers.items()}), says()) as server:
        model = model_of(server.url)
        await model.generate(HELLO)
        await model.aclose()
    assert waits[0] == pytest.approx(seconds, rel=0.5) if seconds is not None else 0 < waits[0] < 1


async def test_a_request_that_is_made_again_is_logged_without_what_was_said(model_of, caplog):
    caplog.set_level(logging.DEBUG, "agentfix")
    async with serving(status(503, "Loading Zanzibar"), says()) as server:
        await model_of(server.url).generate(HELLO)
    assert [each.getMessage() for each in caplog.records if each.name.startswith("agentfix")] == [
        "model gpt-smal: request 1 failed: ModelError"]


async def test_a_wait_that_would_outlast_the_reply_is_refused_at_once(model_of, waits):
    async with serving(status(429, "slow down", retry_after="900")) as server:
        assert "slow down" in await fails(model_of(server.url, timeout_s=60), ModelError)
    assert waits == [] and len(server.asked) == 1


async def test_the_time_for_a_reply_holds_its_waits_too(waits):
    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(seconds)

    async with serving(status(429, retry_after_ms="400")) as server:
        model = OpenAIModel("openai:m", "m", Pool(Endpoint(base_urls=(server.url,), timeout_s=0.6)), None, wait)
        assert "answered 429" in await fails(model, ModelError)
    assert waits == [0.4] and len(server.asked) == 2


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_a_stream_cut_in_mid_word_is_made_again_and_what_was_shown_is_void(model_of):
    deltas: list[Delta] = []
    async with serving(streams(delta(content="Half a wo")), says("A whole word.")) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO, on_delta=deltas.append)
        await model.aclose()
    assert completion.text == "A whole word."
    assert deltas[:2] == [Delta("Half a wo"), Delta("", restart=True)]
    assert "".join(d.text for d in deltas[2:]) == "A whole word."


PIECE = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a": '}}


@pytest.mark.parametrize("broken", [
    streams(delta(tool_calls=[PIECE])),
    streams(delta(tool_calls=[PIECE]), delta(finish="tool_calls"), DONE),
    streams(delta(content="x"), event({"error": {"message": "worker died"}}), DONE),
    streams(b"data: {junk\n\n"),
], ids=["in a call", "half a call", "error event", "junk"])
async def test_a_broken_stream_never_becomes_an_answer(model_of, broken):
    rest = {"index": 0, "function": {"arguments": "1}"}}
    whole = streams(delta(tool_calls=[PIECE]), delta(tool_calls=[rest]), delta(finish="tool_calls"), DONE)
    async with serving(broken, whole) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(
            ModelRequest(HELLO.messages, tools=(ADD,)), on_delta=lambda d: None)
        await model.aclose()
    (call,) = completion.tool_calls
    assert (call.tool, call.arguments, call.id, completion.finish_reason) == ("add", {"a": 1}, "c1", "tool_calls")
    assert len(server.asked) == 2


@pytest.mark.parametrize("nothing", [streams(), streams(DONE)])
async def test_an_empty_stream_is_made_again_in_one_piece(model_of, nothing):
    deltas: list[Delta] = []
    async with serving(nothing, says("Hello there.")) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO, on_delta=deltas.append)
        await model.aclose()
    assert completion.text == "Hello there." and deltas == [Delta("Hello there.")] and len(server.asked) == 2


async def test_an_empty_stream_is_asked_for_in_one_piece_which_says_what_is_wrong(model_of):
    async with serving(streams(), status(400, "no", {"code": "context_length_exceeded"})) as server:
        await fails(model_of(server.url), ContextOverflowError, deltas=[])
    assert [a.body.get("stream") for a in server.asked] == [True, None]


async def test_too_long_a_prompt_that_is_told_within_a_stream_is_not_tried_again(model_of):
    told = event({"error": {"message": "exceeds the available context size", "code": 400}})
    async with serving(streams(told, DONE)) as server:
        await fails(model_of(server.url), ContextOverflowError, deltas=[])
    assert len(server.asked) == 1


async def test_a_server_that_can_not_stream_is_heard_all_the_same(model_of):
    deltas: list[Delta] = []
    async with serving(sends(plain(200, reply(choice("All at once."))))) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO, on_delta=deltas.append)
        await model.aclose()
    assert completion.text == "All at once." and deltas == [Delta("All at once.")] and len(server.asked) == 1


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [hangs, comments])
async def test_no_first_word_in_time_is_tried_again(model_of, silent):
    async with serving(silent, says()) as server:
        model = model_of(server.url, first_token_timeout_s=0.3)
        (completion,) = await model.generate(HELLO, on_delta=lambda d: None)
        await model.aclose()
    assert completion.text == "Hello." and len(server.asked) == 2


@pytest.mark.parametrize(("slow", "streaming"), [(hangs, False), (drips, True)])
async def test_a_reply_that_takes_too_long_is_one_line(model_of, slow, streaming):
    async with serving(slow) as server:
        said = await fails(model_of(server.url, timeout_s=0.4), ModelUnavailableError, deltas=[] if streaming else None)
    assert "took longer than 0.4 s" in said and len(server.asked) == 1


# --- junk -------------------------------------------------------------------------------------------------------------

HI = '{"choices": [{"message": {"content": "hi"}, "delta": {"content": "hi"}, "finish_reason": "stop"}], "usage": %s}'


@pytest.mark.parametrize("body", [
    "null", "7", '"hello"', "[[]]", '{"choices": {"a": 1}}', '{"choices": [null]}', '{"choices": ' + "[" * 90_000,
    '{"choices": [{"message": "hi", "delta": "hi", "finish_reason": "stop"}]}',
    '{"choices": [{"message": {"content": 5}, "delta": {"content": 5}, "finish_reason": "stop"}]}',
    HI % '{"prompt_tokens": 1e999, "completion_tokens": 1}', HI % '{"completion_tokens": [1]}',
], ids=lambda body: body[:24])
@pytest.mark.parametrize("streaming", [False, True])
async def test_whatever_a_server_writes_ends_in_one_line(model_of, body, streaming):
    data = f"data: {body}\n\n".encode()
    act = streams(data, DONE) if streaming else sends(plain(200, body.encode()))
    async with serving(act) as server:
        await fails(model_of(server.url, max_retries=1), ModelReplyError, deltas=[] if streaming else None)
    assert len(server.asked) == 2


async def test_a_server_can_not_give_a_budget_anything_back(model_of):
    usage = '{"prompt_tokens": -5, "completion_tokens": -9, "prompt_tokens_details": {"cached_tokens": 70}}'
    async with serving(sends(plain(200, (HI % usage).encode()))) as server:
        model = model_of(server.url)
        (completion,) = await model.generate(HELLO)
        await model.aclose()
    told = completion.usage
    assert (told.prompt_tokens, told.cached_prompt_tokens, told.completion_tokens, told.tokens) == (0, 0, 0, 0)


async def test_a_page_that_never_ends_is_named_and_its_connection_let_go(model_of):
    page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Log in</html>"

    async def opens(request, write):
        await write(page)
        await asyncio.sleep(60)

    async with serving(opens) as server:
        model = model_of(server.url, max_concurrency=1, max_retries=2, first_token_timeout_s=5)
        assert "text/html '<html>Log in</html>'" in await fails(model, ModelReplyError, deltas=[])
    assert len(server.asked) == 3


async def test_a_call_that_can_not_be_read_is_asked_for_once_more_and_no_oftener(model_of):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": '}}
    async with serving(sends(plain(200, reply(choice(None, finish="tool_calls", tool_calls=[call]))))) as server:
        said = await fails(model_of(server.url), ModelReplyError, request=ModelRequest(HELLO.messages, tools=(ADD,)))
    assert "wrote a tool call without" in said and len(server.asked) == 2


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_no_more_requests_than_the_limit_whatever_fails(model_of, most):
    async with serving(status(500)) as server:
        await fails(model_of(server.url), ModelError, request=ModelRequest(HELLO.messages, max_calls=most))
    assert len(server.asked) == most


async def test_fewer_completions_where_the_limit_allows_no_more(model_of):
    async with serving(says("one")) as server:
        model = model_of(server.url)
        completions = await model.generate(ModelRequest(HELLO.messages, n=5, max_calls=3))
        await model.aclose()
    assert [c.text for c in completions] == ["one"] * 3 and len(server.asked) == 3
    assert sum(c.usage.model_calls for c in completions) == 3


async def test_a_refusal_that_took_the_last_call_is_said(model_of):
    async with serving(status(400, "Unknown parameter: seed"), says()) as server:
        last = ModelRequest(HELLO.messages, max_calls=1)
        assert "seed" in await fails(model_of(server.url), ModelError, request=last)
    assert len(server.asked) == 1


async def test_a_key_is_in_nothing_that_is_kept(model_of):
    async with serving(says()) as server:
        model = model_of(server.url)
        completions = await model.generate(HELLO)
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in json.dumps([repr(completions), repr(model), repr(vars(model)), repr(model._pool.endpoint)])
        await model.aclose()


@pytest.mark.parametrize("act", [
    status(401, f"Incorrect API key {KEY}"), status(400, f"no {KEY}"), status(307, "", location=f"https://x/?k={KEY}"),
    sends(plain(200, KEY.encode(), content_type="text/html")), sends(plain(200, f'{{"choices": "{KEY}"}}'.encode())),
    streams(event({"error": {"message": f"died of {KEY}"}})),
], ids=["401", "400", "redirect", "html", "junk", "stream"])
async def test_a_key_that_a_server_repeats_is_in_no_traceback_and_no_log(model_of, caplog, act):
    caplog.set_level(logging.DEBUG)
    async with serving(act) as server:
        model = model_of(server.url, max_retries=1)
        with pytest.raises(ModelError) as caught:
            await model.generate(HELLO, on_delta=lambda d: None)
        await model.aclose()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    # What httpcore traces of a connection is the server's headers as they come, and is off unless asked for by name.
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("httpcore")]
    assert KEY not in "".join(logged) and server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_what_is_meant_for_openai_goes_to_nobody_else(model_of, monkeypatch):
    for name, value in {"OPENAI_API_KEY": "sk-other", "OPENAI_ADMIN_KEY": "sk-admin", "OPENAI_ORG_ID": "org-mine",
                        "OPENAI_PROJECT_ID": "proj-mine",
                        "OPENAI_CUSTOM_HEADERS": "authorization: mine\nx-token: mine"}.items():
        monkeypatch.setenv(name, value)
    async with serving(says()) as server:
        model = model_of(server.url)
        await model.generate(HELLO)
        await model.aclose()
    headers = server.asked[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not any(word in value for value in headers.values() for word in ("mine", "sk-other", "sk-admin"))
