"""Serves the API until the process is told to end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address
from types import FrameType
from typing import Any

import uvicorn

from agentfix.errors import ConfigError, UsageError
from agentfix.server.application import Api
from agentfix.server.connection import Connection

GRACE_S = 10.0
"""How long requests may go on when the server goes down."""
CLOSING_S = 3
"""How long it may take then to tell their clients."""


async def serve(api: Api, listener: socket.socket, grace_s: float = GRACE_S) -> None:
    """Serve until SIGTERM or Ctrl-C. Requests under way may end; those that do not in time, or before one more signal,
    are told their run's name.

    Args:
        api: what is served.
        listener: from `listen`.
        grace_s: how long they may go on.
    """
    config = configured(api.application(), timeout_graceful_shutdown=CLOSING_S)
    await _Server(config, api, grace_s, asyncio.get_running_loop()).serve(sockets=[listener])


def configured(application: Any, http: type[asyncio.Protocol] = Connection, **options: Any) -> uvicorn.Config:
    """How Uvicorn serves an application. It logs errors only: a line for each garbled request would fill a disk."""
    return uvicorn.Config(application, http=http, log_config=None, log_level="error", access_log=False, ws="none",
                          lifespan="off", server_header=False, **options)


class _Server(uvicorn.Server):
    """Lets requests end before it does."""

    def __init__(self, config: uvicorn.Config, api: Api, grace_s: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config)
        self._api = api
        self._loop = loop
        self._grace_s = grace_s

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End the server at a signal, but not yet the process: the agent is closed after it."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: the first one lets requests end, one more ends them."""
        if self.should_exit:
            self._loop.call_soon_threadsafe(self._api.desk.end)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._api.desk.close(self._grace_s)
        await super().shutdown(sockets)


def listen(host: str, port: int, *, guarded: bool) -> socket.socket:
    """A socket to be asked at.

    Args:
        host: a name or an address of this machine.
        port: 0 for any that is free.
        guarded: whether clients must show a key.

    Raises:
        ConfigError: others could reach it, and no key is asked for.
        UsageError: it can't be had.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no host of this machine: {error}.", "Leave out --host.") from error
    if not guarded and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise ConfigError(f"Others could reach {host} and have answers made at your cost.",
                          "Name a key that clients must show: --api-key NAME; or leave out --host.")
    listener = socket.socket(family, kind, number)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise UsageError(f"Port {port} of {host} can't be used: {error.strerror}.", "Choose another.") from error
    return listener
