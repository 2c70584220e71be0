"""Serves the page until the process is told to end."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

import uvicorn

from agentfix.errors import UsageError
from agentfix.view.server import application
from agentfix.view.source import Source

LOOPBACK = "127.0.0.1"
GRACE_S = 2


async def serve(source: Source, port: int, announce: Callable[[str], None]) -> None:
    """Serve the page on this machine, for this machine.

    Args:
        source: where the data comes from.
        port: of the loopback address; 0 for any that is free.
        announce: told the address, with its token, when it can be opened.

    Raises:
        UsageError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError as error:
            raise UsageError(f"Port {port} of this machine can't be used: {error.strerror}.",
                             "Choose another, or leave out --port.") from error
        chosen = int(listener.getsockname()[1])
        token = secrets.token_urlsafe(24)
        config = uvicorn.Config(application(source, token, chosen), log_config=None, access_log=False, ws="none",
                                lifespan="off", server_header=False, timeout_graceful_shutdown=GRACE_S)
        announce(f"http://{LOOPBACK}:{chosen}/{token}/")
        await uvicorn.Server(config).serve(sockets=[listener])
