"""What a server must bear: wrong requests, clients that leave, models that fail, and its own end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re

import httpx2
import openai
import pytest

from agentfix import BlindModelError, ContextOverflowError, JournalError, ModelError, ModelUnavailableError
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, QUESTION, RIGHT, SOLVED, serving
from tests.server.test_chat import ASKED, client

CHAT = {"model": MODEL, "messages": ASKED}


class Waiting:
    """A model that says a word and then nothing more, until it is told to."""

    name = "waiting"

    def __init__(self) -> None:
        self.begun, self.may_end, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def generate(self, request, *, on_delta=None):
        from agentfix import Completion, Delta

        if on_delta is not None:
            on_delta(Delta("Well"))
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return [Completion(RIGHT) for _ in range(request.n)]

    async def aclose(self) -> None:
        pass


def others() -> set[asyncio.Task]:
    return {task for task in asyncio.all_tasks() if "serve" not in repr(task.get_coro())}


WRONG_BODIES = [
    b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"model": NaN}', b"9" * 10_000,
    json.dumps({"model": MODEL}).encode(),
    *(json.dumps({**CHAT, **change}).encode() for change in (
        {"messages": []}, {"messages": "hello"}, {"messages": [{}]}, {"messages": [{"role": "king", "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]}, {"messages": [{"role": "user", "content": "  "}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]},
        {"messages": [*ASKED, {"role": "assistant", "content": "60"}]},
        {"messages": [*ASKED, {"role": "tool", "content": "60"}]},
        {"messages": [*ASKED, {"role": "assistant", "tool_calls": [
            {"id": "1", "function": {"name": "f", "arguments": "no json"}}]}]},
        {"model": 7}, {"model": "x" * 10_000}, {"n": 0}, {"n": 3}, {"n": 10**30}, {"stream": "maybe"},
        {"temperature": 99}, {"seed": 2**80}, {"stop": ""}, {"logprobs": True}, {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "function", "function": {"name": "a b"}}]}, {"response_format": {"type": "xml"}},
        *({"response_format": {"type": "json_schema", "json_schema": schema}} for schema in (
            None, {}, {"name": "x"}, {"schema": {"$ref": "#/nope"}}, {"schema": {"allOf": [{"$ref": "#"}]}},
            {"schema": {"type": "nothing"}}, {"schema": {"$ref": "http://evil.test/"}},
            {"schema": {"$schema": []}}, {"schema": {"enum": ["x" * 100_000]}}, {"schema": [], "strict": "maybe"})),
        {"response_format": {"type": "json_object"}, "agentfix": {"kind": "math"}},
        {"agentfix": []}, {"agentfix": {"sandbox": "none"}},
        {"agentfix": {"kind": "nothing"}}, {"agentfix": {"require": "hope"}}, {"agentfix": {"checks": "assert ("}},
        {"agentfix": {"checks": "x = 1"}}, {"agentfix": {"checks": "assert 1\n" * 20_000}},
        {"messages": ASKED * 10_001}, {f"x{n}": 1 for n in range(101)}, {"stop": ["x"] * 65},
        {"messages": [{"role": "user", "content": "x" * 2_000_001}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, *[
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}] * 501]}]},
        {"agentfix": {"max_rounds": 10**9}}, {"agentfix": {"max_seconds": 1e9}},
        {"agentfix": {"max_tokens": -1}}, {"model": f"mcts:nonsense/{MODEL}"}, {"model": f"critic:{'x' * 400}/{MODEL}"},
    )),
]


async def test_wrong_bodies_are_refused_in_openais_shape(caplog):
    async with serving(ScriptedModel([])) as served, httpx2.AsyncClient(base_url=served.url) as asking:
        for body in WRONG_BODIES:
            for stream in (b"", b', "stream": true}'):
                sent = body[:-1] + stream if stream and body.endswith(b"}") and b"stream" not in body else body
                reply = await asking.post("/chat/completions", content=sent,
                                          headers={"content-type": "application/json"})
                assert 400 <= reply.status_code < 500, (sent[100:], reply.text)
                error = reply.json()["error"]
                assert error["message"] and {*error} == {"message", "type", "param", "code"}
                assert "Traceback" not in reply.text and reply.headers["x-request-id"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_is_asked_in_another_way_is_refused_too():
    async with serving(ScriptedModel([]), body_bytes=10_000) as served, \
            httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as asking:
        async def ask(method: str, path: str, **options):
            reply = await asking.request(method, path, **options)
            assert reply.json()["error"]["message"]
            return reply.status_code

        async def pieces():
            for _ in range(100):
                yield b"x" * 1000

        json_type = {"content-type": "application/json"}
        assert await ask("GET", "/v1/chat/completions") == 405
        assert await ask("POST", "/v1/nothing", json={}) == 404
        assert await ask("GET", "/v1/models/nothing") == 404
        assert await ask("POST", "/v1/chat/completions", content=json.dumps(CHAT)) == 415
        assert await ask("POST", "/v1/chat/completions", content=b"x" * 10_001, headers=json_type) == 413
        assert await ask("POST", "/v1/chat/completions", content=pieces(), headers=json_type) == 413
        served.api.body_bytes = 2**20
        assert await ask("POST", "/v1/chat/completions", content=b"[" + b"{}," * 200_000, headers=json_type) == 413
        # a page whose name was made to lead to this machine
        assert await ask("GET", "/v1/models", headers={"host": "evil.test"}) == 403
        # no page of another origin is told that it may read answers
        allowed = await asking.options("/v1/chat/completions", headers={"origin": "http://evil.test"})
        assert allowed.status_code == 405 and not [h for h in allowed.headers if h.startswith("access-control")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("failure", "status", "code"), [
    (ModelUnavailableError("It is not reachable."), 503, "unavailable"),
    (ContextOverflowError("The prompt is too long."), 400, "context_length_exceeded"),
    (ModelError("It stammers."), 502, "model_failed"),
    (BlindModelError("It can't see images."), 400, None),
    (JournalError("a secret: the disk is full."), 503, "not_kept"),
    (RuntimeError("a secret in a traceback"), 500, None),
])
async def test_a_model_that_fails_at_once_is_an_error_of_its_kind(failure, status, code, stream):
    async with serving(ScriptedModel([failure])) as served, client(served) as asking:
        with pytest.raises(openai.APIStatusError) as error:
            await asking.chat.completions.create(**CHAT, stream=stream)
        assert (error.value.status_code, error.value.code) == (status, code)
        assert "secret" not in str(error.value) and error.value.request_id


async def test_what_fails_after_an_attempt_still_gives_it_and_says_so():
    async with serving(ScriptedModel([SOLVED[0], ModelError("It stammers.")])) as served, client(served) as asking:
        said = await asking.chat.completions.create(**CHAT)
        assert said.agentfix["stop_reason"].startswith("failed: ") and not said.agentfix["supported"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_its_run_and_leaves_nothing_behind(stream):
    model = Waiting()
    async with serving(model) as served:
        before = others()
        async with client(served) as asking:
            async def ask() -> None:
                answer = await asking.chat.completions.create(**CHAT, stream=stream)
                async for _ in answer:
                    pass

            asked = asyncio.create_task(ask())
            await model.begun.wait()
            assert served.api.desk.under_way == 1
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        async with asyncio.timeout(5):
            await model.cancelled.wait()
            while served.api.desk.under_way or others() - before:  # noqa: ASYNC110 - nothing tells of a task's end
                await asyncio.sleep(0)
        assert served.server.server_state.connections == set()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_that_goes_down_lets_runs_end_or_names_them_to_be_resumed(stream):
    model = Waiting()
    async with serving(model) as served, client(served) as asking:
        async def ask():
            answer = await asking.chat.completions.create(**CHAT, stream=stream)
            return [chunk async for chunk in answer]

        asked = asyncio.create_task(ask())
        await model.begun.wait()
        closing = asyncio.create_task(served.api.desk.close(0.5))
        await asyncio.sleep(0)
        async with httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as other:
            assert (await other.get("/health")).status_code == 503
            refused = await other.post("/v1/chat/completions", json=CHAT)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "going_down")
        with pytest.raises(openai.APIError) as error:
            await asked
        await closing
        run = error.value.message.rpartition(" ")[2].strip("'}")
        model.may_end.set()
        result = await served.agent.aresume(run, max_rounds=8)
        assert (result.run_id, result.answer) == (run, "60")


async def test_a_request_that_takes_too_long_ends_with_what_was_found():
    async with serving(Waiting(), max_seconds=0.3) as served, client(served) as asking:
        said = await asking.chat.completions.create(**CHAT)
        assert said.choices[0].message.content is None and said.agentfix["stop_reason"] == "budget: seconds"


async def test_raw_garbage_on_the_socket_ends_that_connection_alone():
    async with serving(ScriptedModel([])) as served:
        for sent in (b"\0" * 100, b"GET\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
                     b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 50):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(sent)
            writer.write_eof()
            reply = b""
            with contextlib.suppress(ConnectionResetError):
                reply = await reader.read()
            assert reply == b"" or reply.startswith(b"HTTP/1.1 4"), reply[:200]
            writer.close()
        async with client(served) as asking:
            assert [model async for model in asking.models.list()]


async def test_the_api_describes_itself_and_what_it_describes_is_there():
    async with serving(ScriptedModel([])) as served, \
            httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as asking:
        told = (await asking.get("/openapi.json")).json()
        for path, methods in told["paths"].items():
            for method in methods:
                reply = await asking.request(method, path.replace("{name}", MODEL))
                assert reply.status_code in (200, 415) or "no response" in reply.text, path
    forms = told["components"]["schemas"]
    assert {"kind", "require", "checks", "max_rounds"} <= {*forms["Tuning"]["properties"]}
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(told)))
    assert named <= {*forms} and {"ChatRequest", "ResponsesRequest", "Error"} <= named


async def test_health_and_metrics_are_told():
    async with serving(ScriptedModel(SOLVED)) as served, client(served) as asking:
        await asking.chat.completions.create(**CHAT)
        async with httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as other:
            assert (await other.get("/health")).json() == {"status": "ok", "under_way": 0}
            told = (await other.get("/metrics")).text
    assert 'agentfix_requests_total{route="/v1/chat/completions",status="200"} 1.0' in told
    assert 'agentfix_answers_total{supported_by="agreement"} 1.0' in told and "agentfix_under_way 0.0" in told
    assert QUESTION not in told


async def test_one_more_signal_ends_what_is_under_way_and_names_it():
    model = Waiting()
    async with serving(model) as served, client(served) as asking:
        asked = asyncio.create_task(asking.chat.completions.create(**CHAT))
        await model.begun.wait()
        closing = asyncio.create_task(served.api.desk.close(3_600))
        await asyncio.sleep(0)
        served.api.desk.end()
        with pytest.raises(openai.APIStatusError, match="agentfix resume") as error:
            await asked
        await closing
    assert served.api.desk.unfinished == [error.value.message.rpartition(" ")[2].strip("'}").partition("'")[0]]
