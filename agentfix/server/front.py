"""What every request passes: it is given an id, counted, and let in or not."""

from __future__ import annotations

import secrets
import time
from collections.abc import MutableMapping
from contextlib import nullcontext
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from agentfix.server.desk import Desk
from agentfix.server.failures import Refusal
from agentfix.server.keys import Keys
from agentfix.server.metrics import Metrics
from agentfix.server.writing import Json

OPEN = frozenset({"/health"})
"""Asked without a key, by what watches over servers."""
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Front:
    """An ASGI application behind keys.

    Args:
        app: the application.
        keys: who is let in. Where no key is needed only requests that mean this machine are: a page of a stranger in a
            browser here may have its own name lead to this machine.
        metrics: count.
        desk: waits for requests that do something when the server goes down.
    """

    def __init__(self, app: ASGIApp, keys: Keys, metrics: Metrics, desk: Desk) -> None:
        self._desk = desk
        self._app = app
        self._keys = keys
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        began, status = time.monotonic(), 0
        request_id = f"req_{secrets.token_hex(12)}"
        scope["request_id"] = request_id

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()),
                                      (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            scope["account"] = self._let_in(scope)
        except Refusal as refusal:
            refused = Json(refusal.body(), refusal.status, dict(refusal.headers))
            await refused(scope, receive, sending)
        else:
            with self._desk.counted() if scope["method"] == "POST" else nullcontext():
                await self._app(scope, receive, sending)
        finally:
            self._metrics.answered(str(scope["path"]), status, time.monotonic() - began)

    def _let_in(self, scope: Scope) -> Any:
        headers = Headers(scope=scope)
        if scope["path"] in OPEN:
            return None
        if not self._keys.needed:
            host = headers.get("host", "")
            if host.rpartition(":")[0] not in LOCAL_NAMES and host not in LOCAL_NAMES:
                raise Refusal(403, "Ask this server as localhost or 127.0.0.1.")
        return self._keys.find(headers.get("authorization", ""))
