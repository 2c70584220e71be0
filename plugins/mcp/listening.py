"""Where the server is spoken to: standard streams, or streamable HTTP."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from agentfix import ConfigError, UsageError

PATH = "/mcp"
_GRACE_S = 3
_UNAUTHORIZED = 401

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def serve_streams(server: Server[Any]) -> None:
    """Speak over standard input and output until the input ends. Whatever else prints goes to standard error, and
    whatever else reads finds an empty input."""
    with _standard_input() as lines:
        async with stdio_server(stdin=lines) as (read, write):
            await server.run(read, write, server.create_initialization_options())


async def serve_http(server: Server[Any], listener: socket.socket, key: str | None) -> None:
    """Speak streamable HTTP until the process is told to end.

    Args:
        server: what is served.
        listener: from `listen`.
        key: what clients must show as a bearer token; None to ask for none.
    """
    host, port = listener.getsockname()[:2]
    names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}
    # A page in a browser on this machine can send requests here by a name that it makes resolve to this machine.
    guarded = TransportSecuritySettings(
        enable_dns_rebinding_protection=key is None, allowed_hosts=[f"{name}:{port}" for name in sorted(names)],
        allowed_origins=[f"http://{name}:{port}" for name in sorted(names)])
    app: Any = server.streamable_http_app(streamable_http_path=PATH, host=host, transport_security=guarded)
    config = uvicorn.Config(app if key is None else _Guarded(app, key), log_config=None, access_log=False,
                            timeout_graceful_shutdown=_GRACE_S)
    await uvicorn.Server(config).serve(sockets=[listener])


def listen(place: str, key: str | None) -> socket.socket:
    """A socket to be asked at.

    Args:
        place: `HOST:PORT`, or `PORT` of this machine.
        key: what clients must show, if anything.

    Raises:
        UsageError: the place is none, is taken, or can be reached by others and no key is asked for.
    """
    host, _, port = place.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise UsageError(f"{place!r} is no HOST:PORT.", "Write for example 127.0.0.1:8000.")
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"{host!r} is no host of this machine: {error.strerror}.") from error
    if key is None and not ip_address(address[0]).is_loopback:
        raise ConfigError(f"Others could reach {place} and have answers made at your cost.",
                          "Name a key that clients must show: --key NAME; or serve 127.0.0.1.")
    listener = socket.socket(family, kind, number)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise UsageError(f"{place} can't be served: {error.strerror}.", "Choose another port.") from error
    return listener


@contextmanager
def _standard_input() -> Generator[Any]:
    """The lines of standard input, which is taken from everyone else."""
    taken, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        yield _Lines(taken)
    finally:
        os.dup2(taken, 0)  # and stays open: a thread may be reading it


class _Lines:
    """Lines that a thread reads which keeps no program from ending. The SDK's own reader would, until the next line."""

    def __init__(self, end: int) -> None:
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(end,), name="agentfix-mcp-input", daemon=True).start()

    def _read(self, end: int) -> None:
        kept = b""
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            while data := os.read(end, 65_536):
                *lines, kept = (kept + data).split(b"\n")
                for line in lines:
                    self._tell(line.decode("utf-8", "replace"))
            self._tell(None)

    def _tell(self, line: str | None) -> None:
        self._loop.call_soon_threadsafe(self._said.put_nowait, line)

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        line = await self._said.get()
        if line is None:
            raise StopAsyncIteration
        return line


class _Guarded:
    """An ASGI application behind a key."""

    def __init__(self, app: Any, key: str) -> None:
        self._app = app
        self._shown = f"Bearer {key}".encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(scope):
            headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": _UNAUTHORIZED, "headers": headers})
            await send({"type": "http.response.body"})
            return
        await self._app(scope, receive, send)

    def _known(self, scope: MutableMapping[str, Any]) -> bool:
        shown = b"".join(value for name, value in scope["headers"] if name == b"authorization")
        return secrets.compare_digest(shown, self._shown)
