"""The API as an ASGI application."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentfix.agent import Agent, new_name
from agentfix.server import checked, direct
from agentfix.server.account import Account
from agentfix.server.allowed import price_of
from agentfix.server.asked import ChatRequest
from agentfix.server.asked_responses import ResponsesRequest
from agentfix.server.chat import ChatShape
from agentfix.server.described import description
from agentfix.server.desk import Desk
from agentfix.server.failures import ClientGone, Refusal
from agentfix.server.front import Front
from agentfix.server.kept import Keeping, Kept
from agentfix.server.keys import Keys
from agentfix.server.metrics import CONTENT_TYPE, Metrics
from agentfix.server.naming import Names, unknown
from agentfix.server.pieces import Answer, Piece, Pieces
from agentfix.server.reading import BODY_S, read_body
from agentfix.server.responses import ResponseShape
from agentfix.server.streaming import EventStream
from agentfix.server.writing import Json

BODY_BYTES = 32 * 2**20
"""Pictures come within a body."""
MOST_UNKNOWN = 100
"""Fields of a request that are told to have no effect."""
OVERTIME_S = 30.0
"""What ends by its own limit of seconds has this much longer to say so."""
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass
class Api:
    """The endpoints.

    Args:
        agent: answers, and stays open. Its `max_seconds` bounds every request.
        models: that are served, as `backend:name`.
        keys: who may ask.
        body_bytes: how long a request's body may be.
        body_s: how long its sending may take.
    """

    agent: Agent
    models: tuple[str, ...]
    keys: Keys
    body_bytes: int = BODY_BYTES
    body_s: float = BODY_S
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self._began = int(time.time())
        self.desk = Desk((self.agent.settings.max_seconds or 0) + OVERTIME_S)
        self._kept = Kept(self.agent.open_journal, self.body_bytes)
        self._names = Names(self.models, (entry.name for entry in self.agent.plugins.names("strategy")))

    def application(self) -> Any:
        """The application, to be served."""
        routes = [
            Route("/v1/chat/completions", self._answering(self.chat), methods=["POST"]),
            Route("/v1/responses", self._answering(self.responses), methods=["POST"]),
            Route("/v1/responses/{id}", self._answering(self.show_response)),
            Route("/v1/models", self._answering(self.list_models)),
            Route("/v1/models/{name:path}", self._answering(self.show_model)),
            Route("/openapi.json", self._answering(self.describe)),
            Route("/health", self._answering(self.health)),
            Route("/metrics", self._answering(self.show_metrics)),
        ]
        app = Starlette(routes=routes, exception_handlers={404: _nothing_here, 405: _nothing_here})
        return Front(app, self.keys, self.metrics, self.desk)

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        account = await self._admit(request)
        asked = await read_body(request, ChatRequest, self.body_bytes, self.body_s)
        pieces, run = await self._work(asked, account, asked.unknown)
        usage = asked.stream_options is not None and bool(asked.stream_options.include_usage)
        shape = ChatShape(f"chatcmpl-{run or request.scope['request_id']}", int(time.time()), asked.model, usage)
        if not asked.stream:
            return Json(shape.whole(await self._answer(request, pieces, run)), headers=_naming(run))
        following = await self._following(request, pieces, run)
        return EventStream(self.desk, shape.chunks(following), run, _naming(run))

    async def responses(self, request: Request) -> Response:
        """`POST /v1/responses`."""
        account = await self._admit(request)
        asked = await read_body(request, ResponsesRequest, self.body_bytes, self.body_s)
        chat = asked.as_chat(await self._kept.conversation(asked.previous_response_id, account, asked.said()))
        pieces, run = await self._work(chat, account, asked.unknown)
        keeping = None if run is None or asked.store is False else Keeping(self._kept, run, account, asked.said())
        echoed = asked.echoed(stored=keeping is not None)
        shape = ResponseShape(run or request.scope["request_id"], int(time.time()), echoed)
        if not asked.stream:
            response = shape.whole(await self._answer(request, pieces, run))
            if keeping is not None:
                await keeping.keep(response)
            return Json(response, headers=_naming(run))
        events = shape.events(await self._following(request, pieces, run))
        events = events if keeping is None else keeping.events(events)
        return EventStream(self.desk, events, run, _naming(run), named=True)

    async def show_response(self, request: Request) -> Response:
        """`GET /v1/responses/ID`."""
        return Json(await self._kept.find(str(request.path_params["id"]), request.scope["account"]))

    async def _admit(self, request: Request) -> Account:
        self.desk.require_open()
        account: Account = request.scope["account"]
        await account.admit()
        return account

    async def _work(self, asked: ChatRequest, account: Account,
                    unknown: Mapping[str, Any]) -> tuple[Pieces, str | None]:
        """What answers a request, and what run it becomes."""
        if len(unknown) > MOST_UNKNOWN:
            raise Refusal(400, f"The body has more than {MOST_UNKNOWN} fields that are not known here.")
        chosen = self._names.find(asked.model)
        if asked.is_direct:
            ignored = sorted({*unknown, *({"agentfix"} & asked.model_fields_set)})
            model = self.agent.model(chosen.model)
            read = await direct.read_request(asked, self.agent.settings, price_of(chosen.model, model))
            return direct.answer(model, read, ignored, account), None
        question, run = await checked.read_question(asked), f"{new_name()}{secrets.token_hex(5)}"  # many begin at once
        changes = checked.read_changes(asked, chosen, self.agent.settings)
        if self.keys.needed:  # what a strategy learns of one's questions would stand in another's prompts
            changes["memory"] = False
        given = {name for name in checked.WITHOUT_EFFECT if getattr(asked, name) is not None}
        ignored = sorted(given.union(unknown))
        return checked.answer(self.agent, question, run, changes, ignored, account), run

    async def _answer(self, request: Request, pieces: Pieces, run: str | None) -> Answer:
        answer = await self.desk.attend(request.receive, _last(pieces), run)
        self.metrics.given(answer)
        return answer

    async def _following(self, request: Request, pieces: Pieces, run: str | None) -> Pieces:
        """The pieces, as soon as there is a first one: until then a request can be refused in the usual way."""
        try:
            first = await self.desk.attend(request.receive, _next(pieces), run)
        except BaseException:
            await pieces.aclose()
            raise
        return self._counted(first, pieces)

    async def _counted(self, first: Piece | Answer, pieces: Pieces) -> Pieces:
        try:
            yield first
            async for piece in pieces:
                if isinstance(piece, Answer):
                    self.metrics.given(piece)
                yield piece
        finally:
            await pieces.aclose()

    async def list_models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return Json({"object": "list", "data": [self._model(name) for name in self._names.listed()]})

    async def show_model(self, request: Request) -> Response:
        """`GET /v1/models/NAME`."""
        name = str(request.path_params["name"])
        if name not in self._names.listed():
            raise unknown(name, "See GET /v1/models.")
        return Json(self._model(name))

    def _answering(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose failures are answered too."""

        async def answering(request: Request) -> Response:
            try:
                return await endpoint(request)
            except ClientGone:
                return Response(status_code=499)  # nobody reads it
            except Exception as error:  # noqa: BLE001 - whatever it is, the client is told something, and the log the rest
                refusal = self.desk.failed(error, request.scope["request_id"])
            return Json(refusal.body(), refusal.status, dict(refusal.headers))

        return answering

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._began, "owned_by": "agentfix"}

    async def describe(self, request: Request) -> Response:
        """`GET /openapi.json`."""
        return Json(description(guarded=self.keys.needed))

    async def health(self, request: Request) -> Response:
        """`GET /health`: 503 as soon as the server goes down, and for a while after it could not keep what it must."""
        state = "going down" if self.desk.closing else self.desk.trouble or "ok"
        return Json({"status": state, "under_way": self.desk.under_way}, 200 if state == "ok" else 503)

    async def show_metrics(self, request: Request) -> Response:
        """`GET /metrics`, for Prometheus."""
        return Response(self.metrics.told(self.desk.under_way), media_type=CONTENT_TYPE)


async def _nothing_here(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    refusal = Refusal(status, f"Invalid URL ({request.method} {request.url.path[:200]})")
    return Json(refusal.body(), status, dict(getattr(error, "headers", None) or {}))


def _naming(run: str | None) -> dict[str, str]:
    return {} if run is None else {"x-agentfix-run": run}


async def _next(pieces: Pieces) -> Piece | Answer:
    return await anext(pieces)


async def _last(pieces: Pieces) -> Answer:
    answer: Answer | None = None
    try:
        async for piece in pieces:
            answer = piece if isinstance(piece, Answer) else answer
    finally:
        await pieces.aclose()
    assert answer is not None, "a run ended without a result"
    return answer
