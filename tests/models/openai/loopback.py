"""A server on loopback that plays what a test tells it to, byte by byte, and counts what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Write: TypeAlias = Callable[[bytes], Awaitable[None]]
Act: TypeAlias = Callable[["Asked", Write], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Loopback:
    """Plays acts in order, the last one for ever.

    Attributes:
        url: the base URL, up to `/v1`.
        asked: chats, in order.
    """

    acts: list[Act]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: ["gpt-small", "gpt-large"])
    under_way: int = 0
    most_at_once: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self.talks.add(talk)
        talk.add_done_callback(self.talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Asked(method, path, headers, json.loads(raw) if raw else {})
            if path.endswith("/models"):
                await write(plain(200, {"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]}))
            else:
                await self._play(request, write)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _play(self, request: Asked, write: Write) -> None:
        self.asked.append(request)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await self.acts[min(len(self.asked), len(self.acts)) - 1](request, write)
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def serving(*acts: Act) -> AsyncIterator[Loopback]:
    """A server that plays these acts."""
    server = Loopback(list(acts))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with listening:
        try:
            yield server
        finally:
            for talk in server.talks:
                talk.cancel()
            await asyncio.gather(*server.talks)


# --- acts ---------------------------------------------------------------------------------------------------------


def plain(status: int, body: Any, **headers: str) -> bytes:
    """A whole response."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content-type": "application/json", "content-length": str(len(data)), "connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def sends(data: bytes) -> Act:
    async def act(request: Asked, write: Write) -> None:
        await write(data)

    return act


def status(code: int, message: str = "no", error: dict[str, Any] | None = None, **headers: str) -> Act:
    return sends(plain(code, {"error": {"message": message, **(error or {})}}, **headers))


def choice(text: str | None = "Hello.", index: int = 0, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}


USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}


def reply(*choices: dict[str, Any], usage: Any = USAGE) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "usage": usage,
            "choices": list(choices) or [choice()]}


def says(*texts: str | None, usage: Any = USAGE) -> Act:
    """Replies with one choice per text: as a stream where that is asked for, a word at a time."""
    choices = [choice(text, index) for index, text in enumerate(texts or ("Hello.",))]

    async def act(request: Asked, write: Write) -> None:
        if request.body.get("stream"):
            await write(STREAM + b"".join(_pieces(choices)) + event({"choices": [], "usage": usage}) + DONE)
        else:
            await write(plain(200, reply(*choices, usage=usage)))

    return act


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m",
                                   **data}).encode() + b"\n\n"


def delta(index: int = 0, finish: str | None = None, **said: Any) -> bytes:
    return event({"choices": [{"index": index, "delta": said, "finish_reason": finish}]})


def _pieces(choices: list[dict[str, Any]]) -> list[bytes]:
    pieces = [delta(c["index"], content=word) for c in choices
              for word in str(c["message"]["content"]).replace(" ", " \0").split("\0")]
    return [*pieces, *(delta(c["index"], c["finish_reason"]) for c in choices)]


def streams(*pieces: bytes) -> Act:
    """Sends these pieces of a stream and hangs up."""
    return sends(STREAM + b"".join(pieces))


async def hangs(request: Asked, write: Write) -> None:
    """Takes the request and never says a word."""
    await asyncio.sleep(60)


async def drips(request: Asked, write: Write) -> None:
    """A word now and then, for ever."""
    await write(STREAM)
    while True:
        await write(delta(content="drop "))
        await asyncio.sleep(0.02)


async def comments(request: Asked, write: Write) -> None:
    """Keeps the line warm and says nothing."""
    await write(STREAM)
    while True:
        await write(b": still here\n\n")
        await asyncio.sleep(0.02)
