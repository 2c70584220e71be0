"""What a server itself does with each thing that can be asked, seen without anything of ours in between.

Every probe gives a word: `native`, `ignored` (accepted, without effect) or `refused STATUS`.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema

from tests.servers.server import MODEL

FRUITS = "Name three fruits."
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["accept", "revise"]}, "ok": {"type": "boolean"}},
    "required": ["verdict", "ok"], "additionalProperties": False,
}
CALCULATOR = {
    "name": "calculator", "description": "Computes an arithmetic expression.",
    "parameters": {"type": "object", "properties": {"expression": {"type": "string", "maxLength": 12}},
                   "required": ["expression"], "additionalProperties": False},
}
TOO_LONG = "The cat sat on 12 mats. " * 1000
"""Several times the context of the servers."""


def png() -> str:
    """A red picture of 4 by 4 pixels as a data: URL."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xff\0\0" * 4) * 4)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


class RefusedError(Exception):
    """A server's answer was an error."""


def ask(client: httpx.Client, content: Any = FRUITS, **fields: Any) -> dict[str, Any]:
    """Ask for one chat completion; raises RefusedError with the status where the server says no."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 4}
    reply = client.post("chat/completions", json=body | fields)
    if reply.status_code != 200:
        raise RefusedError(f"refused {reply.status_code}")
    return reply.json()


def stream(client: httpx.Client, content: str = FRUITS, **fields: Any) -> list[dict[str, Any]]:
    """The chunks of a streamed chat completion."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 4,
            "stream": True}
    reply = client.post("chat/completions", json=body | fields)
    if reply.status_code != 200:
        raise RefusedError(f"refused {reply.status_code}")
    data = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]


def _if(works: bool) -> str:
    return "native" if works else "ignored"


def _chat(client: httpx.Client) -> str:
    return _if(bool(ask(client)["choices"][0]["message"]["content"]))


def _stream(client: httpx.Client) -> str:
    texts = [choice["delta"].get("content") for chunk in stream(client) for choice in chunk["choices"]]
    return _if(len([text for text in texts if text]) > 1)


def _stream_usage(client: httpx.Client) -> str:
    return _if(any(chunk.get("usage") for chunk in stream(client, stream_options={"include_usage": True})))


def _max_completion_tokens(client: httpx.Client) -> str:
    reply = ask(client, max_tokens=None, max_completion_tokens=2, stop=["\n", "."])
    return _if(reply["usage"]["completion_tokens"] <= 2)


def _n(client: httpx.Client) -> str:
    return _if(len(ask(client, n=3, temperature=1.0)["choices"]) == 3)


def _schema(client: httpx.Client) -> str:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    return _kept(ask(client, "Write a poem. No JSON.", response_format=form, max_tokens=80))


def _object_schema(client: httpx.Client) -> str:
    form = {"type": "json_object", "schema": SCHEMA}
    return _kept(ask(client, "Write a poem. No JSON.", response_format=form, max_tokens=80))


def _kept(reply: dict[str, Any]) -> str:
    try:
        jsonschema.validate(json.loads(reply["choices"][0]["message"]["content"]), SCHEMA)
    except (ValueError, jsonschema.ValidationError):
        return "ignored"
    return "native"


def _tools(client: httpx.Client) -> str:
    """A model is told of tools in its prompt, or not at all."""
    tools = [{"type": "function", "function": CALCULATOR}]
    without, offered = (ask(client, max_tokens=1, **fields)["usage"]["prompt_tokens"]
                        for fields in ({}, {"tools": tools}))
    return _if(offered > without)


def _logprobs(client: httpx.Client) -> str:
    logprobs = ask(client, logprobs=True, top_logprobs=5)["choices"][0].get("logprobs") or {}
    return _if(len((logprobs.get("content") or [{}])[0].get("top_logprobs") or []) == 5)


def _text_parts(client: httpx.Client) -> str:
    return _if(bool(ask(client, [{"type": "text", "text": FRUITS}])["choices"]))


def _images(client: httpx.Client) -> str:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": png()}}]
    return _if(bool(ask(client, parts)["choices"]))


def _unknown_model(client: httpx.Client) -> str:
    return _if(not ask(client, model="no-such-model")["choices"])


def _overflow(client: httpx.Client) -> str:
    return _if(not ask(client, TOO_LONG)["choices"])


def _overflow_streamed(client: httpx.Client) -> str:
    return "native" if stream(client, TOO_LONG) else "an empty stream"


PROBES: dict[str, Callable[[httpx.Client], str]] = {
    "chat": _chat,
    "stream": _stream,
    "usage of a stream": _stream_usage,
    "max_completion_tokens": _max_completion_tokens,
    "n": _n,
    "json schema": _schema,
    "json object with a schema": _object_schema,
    "tools": _tools,
    "log-probabilities": _logprobs,
    "text in parts": _text_parts,
    "images": _images,
    "an unknown model": _unknown_model,
    "too long a prompt": _overflow,
    "too long a prompt, streamed": _overflow_streamed,
}


def probe(client: httpx.Client, feature: str) -> str:
    """What the server does with a feature."""
    try:
        return PROBES[feature](client)
    except RefusedError as refused:
        return str(refused)
