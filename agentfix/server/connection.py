"""A connection of a client: held to limits before, between and after its requests."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentfix.server.failures import SERVER, Refusal

HEADERS_S = 20.0
"""How long a connection may take to send a request's headers, whatever it sends meanwhile."""
STALLED_S = 60.0
"""How long a client may take nothing of what is sent to it."""
MOST_CONNECTIONS = 500
"""At once. One more is answered 503."""
LINGERING_S = 1.0
"""How long a client that is refused may take to hear of it: closed at once, what it still sends would have its system
throw the answer away."""
MOST_LINGERING = 100
"""Beyond these, connections that are one too many are closed at once."""
_FULL = Refusal(503, "The server has too many connections. Ask again in a while.", SERVER, "too_many_connections",
                headers={"retry-after": "5"})
_GARBLED = Refusal(400, "This is no HTTP request.")


class Connection(H11Protocol):
    """Uvicorn's, with limits of its own: Uvicorn lets whoever sends a byte now and then stay for ever."""

    headers_s = HEADERS_S
    stalled_s = STALLED_S
    most = MOST_CONNECTIONS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        if len(self.connections) > self.most + MOST_LINGERING:
            transport.abort()
        elif len(self.connections) > self.most:
            self._refuse(_FULL)
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._late = _cancelled(self._late)
        self._stalled = _cancelled(self._stalled)

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        if self._refused or self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_answering():
            self._late = _cancelled(self._late)

    def on_response_complete(self) -> None:
        """A request is answered; the next one may stand there already."""
        super().on_response_complete()
        if not self._is_answering():
            self._await_request()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._stalled = _cancelled(self._stalled)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        cycle = cast(Any, self.cycle)
        if cycle is not None and not cycle.response_complete:  # whoever answers hears that the client is gone
            cycle.disconnected = True
            cycle.message_event.set()
        self._refuse(_GARBLED)

    def _is_answering(self) -> bool:
        cycle = cast(Any, self.cycle)
        return cycle is not None and not cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Answer without the application, and hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(refusal.body()).encode()
            headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close",
                       **refusal.headers}
            reply = h11.Response(status_code=refusal.status, headers=[*headers.items()],
                                 reason=HTTPStatus(refusal.status).phrase)
            for event in (reply, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        _cancelled(self._late)
        self._late = self.loop.call_later(LINGERING_S, self.transport.abort)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _await_request(self) -> None:
        _cancelled(self._late)
        self._unsent = self.transport.get_write_buffer_size()
        self._late = self.loop.call_later(self.headers_s, self._be_late)

    def _be_late(self) -> None:
        """Nothing was asked in time. Who still takes the end of an answer may go on with that."""
        if 0 < self.transport.get_write_buffer_size() < self._unsent:
            self._await_request()
        else:
            self.transport.abort()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
