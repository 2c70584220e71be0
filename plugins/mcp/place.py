"""Where a server is, and how a client is put in front of it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, TextIO, cast

import httpx2
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import Implementation, JSONRPCResponse

from agentfix import McpServer

from .program import MOST_BYTES, streams_of
from .words import CUT, line

_LAST_BYTES = 4000
_REQUEST_S, _ANSWER_S = 30.0, 300.0
_MOST_BLOCKS = 1000
"""Of the content of an answer."""
_NOT_FOUND = 404
_PLAIN = "identity"
"""The one encoding of bytes that says how many they will be; compressed ones may become a thousand times more."""

for _name in ("mcp", "client"):  # else Python itself would print the SDK's warnings, tracebacks included
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Place:
    """A server, with the keys it is given.

    Args:
        server: what the settings say of it.
        keys: by name.

    Attributes:
        words: the last that a command wrote to its standard error.
        fault: why no more is read of what a command says; empty when there is no reason.
    """

    def __init__(self, server: McpServer, keys: Mapping[str, str]) -> None:
        self._server = server
        self._keys = dict(keys)
        self.words = LastWords()
        self.fault = ""

    @asynccontextmanager
    async def client(self, on_end: Callable[[], None], on_forgotten: Callable[[], None]) -> AsyncGenerator[Client]:
        """A client that has shaken hands. To be entered and left by one task.

        Args:
            on_end: called when the server says no more.
            on_forgotten: called when the server says that it does not know the session.
        """
        about = Implementation(name="agentfix", version="1")
        async with Client(self._streams(on_end, on_forgotten), client_info=about, cache=None) as client:
            yield client

    @asynccontextmanager
    async def _streams(self, on_end: Callable[[], None],
                       on_forgotten: Callable[[], None]) -> AsyncGenerator[tuple[Any, Any]]:
        async with self._transport(on_forgotten) as (read, write):
            yield _Watched(read, on_end), write

    @asynccontextmanager
    async def _transport(self, on_forgotten: Callable[[], None]) -> AsyncGenerator[tuple[Any, Any]]:
        if self._server.url is None:
            self.words, self.fault = LastWords(), ""
            with self.words.written() as file:
                async with self._program(file) as streams:
                    file.close()  # the server has its own end now
                    yield streams
            return

        async def look(response: httpx2.Response) -> None:
            if response.status_code == _NOT_FOUND and MCP_SESSION_ID in response.request.headers:
                on_forgotten()
            if response.headers.get("content-encoding", _PLAIN).lower() != _PLAIN:
                response.stream = _Bounded(response.stream, 0, "the answer is compressed, which was not asked for")
                del response.headers["content-encoding"]
            elif not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                response.stream = _Bounded(response.stream, MOST_BYTES,
                                           f"the answer is longer than {MOST_BYTES:,} bytes")

        headers = {name: self._filled(value) for name, value in self._server.sent_headers.items()}
        headers = {"Accept-Encoding": _PLAIN, **headers}
        async with (httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(_REQUEST_S, read=_ANSWER_S),
                                       trust_env=False, verify=httpx2.create_ssl_context(),
                                       event_hooks={"response": [look]}) as http,
                    streamable_http_client(self._server.url, http_client=http) as streams):
            yield streams

    def _program(self, errors: TextIO) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        command = self._server.command
        if sys.platform != "win32":
            return streams_of(command, self._keys, errors, self._found)
        return stdio_client(StdioServerParameters(command=command[0], args=list(command[1:]), env=self._keys,
                                                  encoding_error_handler="replace"), errors)

    def _found(self, fault: str) -> None:
        self.fault = fault

    def _filled(self, text: str) -> str:
        for name, key in self._keys.items():
            text = text.replace("{" + name + "}", key)
        return text


class LastWords:
    """Keeps the end of what a program writes to its standard error, which is not for the terminal."""

    def __init__(self) -> None:
        self._kept = b""
        self._thread: threading.Thread | None = None

    def written(self) -> TextIO:
        """A file to be given to a program as its standard error."""
        reading, writing = os.pipe()
        self._thread = threading.Thread(target=self._read, args=(reading,), name="agentfix-mcp-stderr", daemon=True)
        self._thread.start()
        return os.fdopen(writing, "w", encoding="utf-8")

    def _read(self, end: int) -> None:
        with os.fdopen(end, "rb", buffering=0) as file:
            while data := file.read(65_536):
                self._kept = (self._kept + data)[-_LAST_BYTES:]

    def last(self) -> str:
        """The last line that holds anything; empty when there is none."""
        if self._thread is not None:
            self._thread.join(timeout=0.05)  # what a program writes before it ends comes through another pipe
        lines = [text for text in self._kept.decode("utf-8", "replace").splitlines() if text.strip()]
        return line(lines[-1], 200) if lines else ""


class _Watched:
    """A stream of messages that tells when it ends, and gives no more of a long list than is read of it."""

    def __init__(self, stream: Any, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end

    async def receive(self) -> SessionMessage | Exception:
        try:
            return _cut(await self._stream.receive())
        except Exception:
            self._on_end()
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> AsyncIterator[SessionMessage | Exception]:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return _cut(await self._stream.__anext__())
        except Exception:
            self._on_end()
            raise

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> bool | None:
        return await self._stream.__aexit__(kind, error, trace)

    @property
    def last_context(self) -> Any:
        """What the SDK looks for in streams that have it."""
        return getattr(self._stream, "last_context", None)


def _cut(message: SessionMessage | Exception) -> SessionMessage | Exception:
    """The message without those parts of an answer's content that are too many: each is looked at several times."""
    if isinstance(message, SessionMessage) and isinstance(message.message, JSONRPCResponse):
        content = message.message.result.get("content")
        if isinstance(content, list) and len(cast("list[Any]", content)) > _MOST_BLOCKS:
            content[_MOST_BLOCKS:] = [{"type": "text", "text": CUT}]
    return message


class _Bounded(httpx2.AsyncByteStream):
    """An answer that comes in one piece, of which no more is read than so much."""

    def __init__(self, stream: Any, most_bytes: int, otherwise: str) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._otherwise = otherwise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > self._most_bytes:
                raise httpx2.StreamError(self._otherwise)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
