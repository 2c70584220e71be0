"""Requests that are wrong: bodies made from the server's own description, and bytes that are no HTTP."""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench.hostile.wire import asked, posted

AT_ONCE = 24
FORMS = {"/v1/chat/completions": "ChatRequest", "/v1/responses": "ResponsesRequest"}
VALID: Mapping[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "cheap:", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {
            "url": "data:image/png;base64,AAAA"}}]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "auto", "n": 1, "stop": ["x"], "response_format": {"type": "json_schema", "json_schema": {
            "name": "x", "schema": {"type": "object"}, "strict": True}}, "max_tokens": 9, "agentfix": {"kind": "text"}},
    "/v1/responses": {"model": "cheap:", "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "x"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}, "store": True,
        "previous_response_id": None, "instructions": "Be brief.", "max_output_tokens": 9},
}
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 10**400, -10**30, 1e308, 0.1, "", " ", "\0", "x" * 5000, "\u202e", "😀" * 100,
    "../../etc/passwd", "%s%n", "' OR 1=1 --", [], [[]], [None], {}, {"": None}, {"type": "text"}, {"$ref": "#"},
    {"type": "object",
    "properties": {"a": {"$ref": "http://evil.test/x"}}}, {"__class__": 1, "_fields_set": 2}, [{}] * 1000)


HUGE = (b'{"messages": [' + b"{}," * 300_000, b"[" * 50_000, b'{"a":' * 50_000, b"9" * 50_000, b"\xff" * 500, b"nul",
        b'"\\ud800"')


def described(description: Mapping[str, Any], path: str) -> list[str]:
    """The fields that a request to a path may have."""
    return [*description["components"]["schemas"][FORMS[path]]["properties"]]


def bodies(description: Mapping[str, Any], chance: random.Random) -> Iterator[bytes]:
    """Requests whose bodies are wrong, but for those few that happen to be right."""
    while True:
        path = chance.choice([*VALID])
        body = copy.deepcopy(VALID[path])
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            _spoil(body, described(description, path), chance)
        data = json.dumps(body).encode()
        if chance.random() < 0.2:
            data = _garbled(data, chance)
        if chance.random() < 0.02:
            data = chance.choice(HUGE)
        yield posted(path, data, "application/json" if chance.random() < 0.97 else "text/plain")


def _spoil(body: Any, fields: list[str], chance: random.Random) -> None:
    """Put something odd somewhere in a body."""
    if chance.random() < 0.4:
        body[chance.choice(fields)] = copy.deepcopy(chance.choice(ODD))
        return
    place: Any = body
    while True:
        keys: list[Any] = [*place] if isinstance(place, dict) else [*range(len(place))]
        if not keys:
            return
        key = chance.choice(keys)
        inside = place[key]
        if not isinstance(inside, dict | list) or not inside or chance.random() < 0.3:
            break
        place = inside
    if isinstance(place, dict) and chance.random() < 0.3:
        del place[key]
    else:
        place[key] = copy.deepcopy(chance.choice(ODD))


def _garbled(data: bytes, chance: random.Random) -> bytes:
    spot = chance.randrange(len(data))
    return chance.choice((data[:spot], data[:spot] + bytes([chance.randrange(256)]) + data[spot + 1:],
                          data[:spot] + chance.randbytes(8) + data[spot:], data + data))


def garbage(chance: random.Random) -> Iterator[bytes]:
    """What is no request at all, or one that goes wrong under way."""
    good = posted("/v1/chat/completions", {"model": "cheap:", "messages": []})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    chunked = head + b"transfer-encoding: chunked\r\n\r\n"
    fixed = (
        b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\x11" * 500, b"SSH-2.0-OpenSSH_9.6\r\n", b"\0" * 4000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 400_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET /%00%ff%2e%2e HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
        b"G\xc3\xa4T / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"X / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        head + b"content-length: -1\r\n\r\n", head + b"content-length: 1e3\r\n\r\n",
        head + b"content-length: 50\r\n\r\n{",
        head + b"content-length: 3\r\ncontent-length: 4\r\n\r\n{}  ", head + b"content-length: 2\r\n\r\n{}{}{}\r\n\r\n",
        head + b"content-length: " + b"9" * 500 + b"\r\n\r\n{}", head + b"transfer-encoding: gzip\r\n\r\n",
        head + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        head + b"content-encoding: gzip\r\n\r\n",
        chunked + b"zz\r\n", chunked + b"-5\r\nhello\r\n", chunked + b"5\r\nhi\r\n0\r\n\r\n",
        chunked + b"F" * 300 + b"\r\n",
        chunked + b"2\r\n{}\r\n0\r\nx: y\r\n\r\n", chunked + b"2;a=b\r\n{}", good * 20, good[:-1] * 5,
        head + b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n",
        head + b"upgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n" * 30 + b"\0\0\0\r\n\r\n",
    )
    while True:
        sort = chance.random()
        if sort < 0.6:
            yield chance.choice(fixed)
        elif sort < 0.8:
            yield chance.randbytes(chance.randrange(1, 3000))
        else:
            yield _garbled(good, chance)


async def sent(port: int, requests: Iterator[bytes], number: int, *, ends: bool) -> tuple[Counter[int], list[bytes]]:
    """The statuses that come back, and the requests that the server failed at."""
    statuses: Counter[int] = Counter()
    failed: list[bytes] = []
    left = iter(range(number))

    async def client() -> None:
        for _ in left:
            request = next(requests)
            status, _ = await asked(port, request, ends=ends)
            statuses[status] += 1
            if status >= 500:
                failed.append(request)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return statuses, failed
