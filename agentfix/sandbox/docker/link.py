"""The connection to a worker, in one event loop: frames out, frames in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

from agentfix.errors import SandboxLostError
from agentfix.sandbox.docker.demux import Demux
from agentfix.sandbox.docker.frames import BODY_BYTES, HEADER_BYTES, FrameReader, Received, pack
from agentfix.sandbox.output import HeadTail

_UNREAD_BYTES = HEADER_BYTES + BODY_BYTES
"""A box that says more than one frame's worth while nobody listens is none of ours."""


class Link(asyncio.Protocol):
    """Frames to and from a worker, over a container's attached streams.

    Attributes:
        complaint: what came over standard error, bounded: nothing, unless the worker is broken.
        ended: why nothing comes any more; empty while something may.
    """

    def __init__(self) -> None:
        self.complaint = HeadTail(2000)
        self.ended = ""
        self._demux = Demux(self.complaint)
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        """Waits until the other side takes more."""

    @classmethod
    async def over(cls, stream: socket.socket) -> Link:
        """Begin to listen on a connected socket."""
        link = cls()
        await asyncio.get_running_loop().create_connection(lambda: link, sock=stream)
        return link

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame. Raises SandboxLostError."""
        self.require()
        assert self._transport is not None
        self._transport.write(pack(header, body))
        if self._room is not None:
            await self._room
            self.require()

    async def next(self) -> Received:
        """The next frame. Raises SandboxLostError."""
        while (received := self._frames.next()) is None:
            self.require()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return received

    def require(self) -> None:
        """Raises SandboxLostError when the connection has ended."""
        if self.ended:
            raise SandboxLostError(f"A box of the docker sandbox was lost: {self.ended}.")

    def close(self) -> None:
        """Hang up. May be called twice."""
        if self._transport is not None:
            self._transport.abort()

    # --- called by the event loop ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._frames.feed(self._demux.feed(data))
        if self._waiter is not None:
            self._wake()
        elif self._frames.unread_bytes > _UNREAD_BYTES:
            self._end("it said what nobody asked for")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "it ended")

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def _end(self, why: str) -> None:
        self.ended = self.ended or why
        self.close()
        self._wake()
        self.resume_writing()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
