"""Clients that are slow, too many, or no HTTP clients at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging

import httpx2

from agentfix.server.connection import Connection
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, serving
from tests.server.test_chat import ASKED

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


class Hasty(Connection):
    headers_s = 0.2
    stalled_s = 0.2


class Few(Connection):
    most = 4


async def said(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65_536):
            data += piece
    return data


async def dribbled(port: int, first: bytes, piece: bytes) -> bytes:
    """What is answered to one that goes on sending a little now and then, for as long as it may."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    hearing = asyncio.create_task(said(reader))
    try:
        with contextlib.suppress(ConnectionError):
            while not hearing.done():
                writer.write(piece)
                await writer.drain()
                await asyncio.wait([hearing], timeout=0.02)
        return await hearing
    finally:
        writer.close()


async def test_who_does_not_ask_in_time_is_hung_up_on():
    async with serving(ScriptedModel([]), http=Hasty) as served, asyncio.timeout(20):
        assert await dribbled(served.port, b"", b"") == b""
        assert await dribbled(served.port, b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ", b"a") == b""
        # and so is who begins anew after an answer, or goes on with a body that nobody reads
        again = await dribbled(served.port, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /", b"a")
        assert again.count(b"HTTP/1.1 200") == 1
        body = b"GET /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"
        assert (await dribbled(served.port, body, b"a")).count(b"HTTP/1.1") == 1


async def test_a_body_that_dribbles_in_is_refused():
    async with serving(ScriptedModel([]), body_s=0.2) as served, asyncio.timeout(20):
        answer = await dribbled(served.port, HEAD + b"content-length: 100000\r\n\r\n", b" ")
        assert answer.startswith(b"HTTP/1.1 408") and b"connection: close" in answer


async def test_who_takes_nothing_of_its_answer_is_hung_up_on():
    long = {"model": MODEL, "messages": ASKED, "stream": True, "tools": [
        {"type": "function", "function": {"name": "clock"}}]}
    body = json.dumps(long).encode()
    async with serving(ScriptedModel(["x" * 8_000_000]), http=Hasty) as served, asyncio.timeout(60):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
        writer.write(HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        while not served.server.server_state.connections:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        while served.server.server_state.connections or served.api.desk.under_way:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        writer.close()


async def test_one_connection_too_many_is_told_to_come_back():
    async with serving(ScriptedModel([]), http=Few) as served, asyncio.timeout(20), \
            contextlib.AsyncExitStack() as held:
        async def busy() -> httpx2.Response:
            other = await held.enter_async_context(httpx2.AsyncClient(base_url=served.url))
            return await other.get("/models")

        assert [(await busy()).status_code for _ in range(4)] == [200] * 4
        reply = await busy()
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
        assert reply.json()["error"]["code"] == "too_many_connections"
        await held.aclose()
        while served.server.server_state.connections:  # noqa: ASYNC110 - nothing tells of its end
            await asyncio.sleep(0.01)
        assert (await busy()).status_code == 200


async def test_garbage_after_a_request_ends_it_without_a_word_in_the_log(caplog):
    body = json.dumps({"model": MODEL, "messages": ASKED}).encode()
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    async with serving(ScriptedModel([])) as served, asyncio.timeout(20):
        for sent in (chunked + b"zz\r\n", chunked + b"5\r\nhello!!!\r\n", chunked + b"-1\r\n\r\n",
                     HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
                     HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n",
                     HEAD + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n",
                     HEAD + f"content-length: {len(body) - 5}\r\n\r\n".encode() + body + b"\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(sent)
            answer = await said(reader)
            assert answer.startswith(b"HTTP/1.1 4"), (sent[:200], answer)
            assert json.loads(answer.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1")[0])["error"]["message"]
            writer.close()
        async with httpx2.AsyncClient(base_url=served.url) as asking:
            packed = await asking.post("/chat/completions", content=body, headers={
                "content-type": "application/json", "content-encoding": "gzip"})
            assert packed.status_code == 415
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
