"""The page as a web application on this machine, for whoever knows its address."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError
from agentfix.view.page import TYPES, contents
from agentfix.view.plain import dumped
from agentfix.view.source import Source

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                               "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
}
FORBIDDEN, NOT_FOUND = 403, 404

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def application(source: Source, token: str, port: int) -> Any:
    """The application, to be served on the loopback address.

    Args:
        source: where the data comes from.
        token: the first part of every path; without it nothing is told.
        port: where it is served: requests to a host of another name, or at another port, are refused, as a page of a
            stranger could have its own name lead to this machine.
    """

    async def data(request: Request) -> Response:
        try:
            found = await source.answer(request.path_params["name"], request.query_params)
        except AgentFixError as error:
            told = dumped({"error": one_line(str(error))})
            return Response(told, NOT_FOUND, HEADERS, "application/json")
        return Response(dumped(found), headers=HEADERS, media_type="application/json")

    async def file(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        try:
            return Response(contents(name), headers=HEADERS, media_type=TYPES[name.rpartition(".")[2]])
        except KeyError:
            return PlainTextResponse("There is nothing here.", NOT_FOUND, HEADERS)

    routes = [Route("/", file), Route("/{name}", file), Route("/data/{name}", data)]
    return _Guarded(Starlette(routes=routes), token, port)


class _Guarded:
    """Lets those in who know the token and mean this machine."""

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        shown, slash, rest = str(scope["path"]).lstrip("/").partition("/")
        known = secrets.compare_digest(shown.encode(), self._token)
        if scope["type"] != "http" or len(hosts) != 1 or hosts[0] not in self._hosts or not (known and slash):
            refusal = PlainTextResponse("Open the whole address that agentfix view printed.", FORBIDDEN, HEADERS)
            await refusal(scope, receive, send)
            return
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}
        await self._app(inner, receive, send)
