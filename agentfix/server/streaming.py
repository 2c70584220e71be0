"""Server-sent events, for as long as somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentfix.server.desk import Desk
from agentfix.server.failures import ClientGone, Refusal
from agentfix.server.writing import in_a_line

BEAT_S = 15.0
"""How long nothing is sent before a comment says that the work goes on: proxies cut what is silent."""
HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no"}


class EventStream(Response):
    """Sends events.

    Args:
        desk: ends them when they are to end.
        events: what is sent; each is named by its `type` where `named`.
        run: what they become in the journal, if anything.
        headers: beside its own.
        named: as the Responses API has them, and without `[DONE]`.
    """

    def __init__(self, desk: Desk, events: AsyncGenerator[dict[str, Any]], run: str | None,
                 headers: Mapping[str, str], *, named: bool = False) -> None:
        super().__init__(headers={**HEADERS, **headers})
        del self.headers["content-length"]
        self._desk = desk
        self._events = events
        self._run = run
        self._named = named
        self._sent_so_far = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            await self._desk.attend(receive, self._sent(send), self._run)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told something, and the log the rest
            await _send(send, self._failure(self._desk.failed(error, scope["request_id"])))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _sent(self, send: Send) -> None:
        beat = asyncio.create_task(_beat(send))
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await _send(send, self._written(event))
                    self._sent_so_far += 1
            if not self._named:
                await _send(send, b"data: [DONE]\n\n")
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    def _failure(self, refusal: Refusal) -> bytes:
        body = refusal.body()
        if not self._named:
            return self._written(body)
        error = {name: body["error"][name] for name in ("code", "message", "param")}
        return self._written({"type": "error", **error, "sequence_number": self._sent_so_far})

    def _written(self, event: dict[str, Any]) -> bytes:
        name = f"event: {event['type']}\n" if self._named else ""
        return f"{name}data: {in_a_line(event)}\n\n".encode()


async def _beat(send: Send) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        await _send(send, b": still at work\n\n")


async def _send(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
