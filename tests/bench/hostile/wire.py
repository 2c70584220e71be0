"""HTTP by hand: what is sent need not be right, and a connection may be left at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

ANSWER_S = 300.0


def posted(path: str, body: dict[str, Any] | bytes, kind: str = "application/json") -> bytes:
    """A request with a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\nconnection: close\r\n"
            f"content-length: {len(data)}\r\n\r\n").encode() + data


async def asked(port: int, sent: bytes, *, ends: bool = False) -> tuple[int, bytes]:
    """What is answered on a new connection: the status and the body; 0 where it was closed without an answer.

    Args:
        port: on this machine.
        sent: whatever it is.
        ends: nothing more will be sent, and the server is told so.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        said = b""
        with contextlib.suppress(ConnectionError):
            writer.write(sent)
            await writer.drain()
            if ends:
                writer.write_eof()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_S):
                while piece := await reader.read(65_536):
                    said += piece
        return status_of(said), said.partition(b"\r\n\r\n")[2]
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def status_of(said: bytes) -> int:
    """The status of an answer; 0 for none."""
    head = said[:12].split(b" ")
    return int(head[1]) if len(head) == 2 and head[0].startswith(b"HTTP/1.") and head[1].isdigit() else 0
