"""One HTTP request to one address, by the SDK. Retries nothing."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
import openai

from agentfix.endpoints import Endpoint
from agentfix.errors import AgentFixError, ModelReplyError, ModelUnavailableError
from agentfix.models.openai.failures import Passing, Refused, Whom, junk, sort
from agentfix.models.openai.reply import Pieces, Reply, whole
from agentfix.models.openai.wire import BEYOND_OPENAI
from agentfix.settings import DEFAULT_KEY, read_key

NO_KEY = "none"
"""What is sent where no key is needed; the SDK insists on one."""
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
START_BYTES = 200
"""How much of a reply of the wrong type is shown."""
_PLAIN_HEADERS = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length"}


class Client:
    """Connections to the addresses of an endpoint, kept open per event loop.

    Args:
        endpoint: where, and with what time-outs.
        model: as the endpoint names it.
    """

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        # An HTTP client belongs to the event loop that made it.
        self._sdks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, openai.AsyncOpenAI]] = (
            weakref.WeakKeyDictionary())
        self._key: str | None = None

    async def send(self, url: str, body: Mapping[str, Any], pieces: Pieces | None, timeout_s: float) -> Reply:
        """Make a request.

        Args:
            url: one of the endpoint's addresses.
            body: as `wire.body_of` makes it.
            pieces: takes the reply as it comes; None for one in one piece.
            timeout_s: what is left of the endpoint's time for a reply.

        Raises:
            Passing: it failed, and may be made again.
            Refused: the server would not have it as it was put.
            ModelError: it failed for good.
        """
        sdk = self._sdk(url)
        whom = self._whom(url)
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                if pieces is not None and body.get("stream"):
                    return await _streamed(sdk, body, pieces, whom, self._endpoint.first_token_timeout_s)
                reply = await _whole(sdk, body, whom)
                return reply if pieces is None else pieces.take(reply)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ModelUnavailableError(
                f"{url} took longer than {self._endpoint.timeout_s:g} s for a reply of {self._model!r}.",
                "Set a larger timeout_s for the endpoint, or ask for fewer tokens.") from None
        except (AgentFixError, Passing, Refused):
            raise
        except (openai.OpenAIError, httpx2.HTTPError, *MALFORMED) as error:
            # The SDK's exceptions hold the server's words as they are, and those may repeat the key.
            raise sort(error, whom) from None

    async def models(self, url: str) -> list[str]:
        """The models an address offers.

        Raises:
            AgentFixError: it does not say.
        """
        sdk = self._sdk(url)
        try:
            names = [str(model.id) async for model in sdk.models.list()]
        except (openai.OpenAIError, httpx2.HTTPError, *MALFORMED) as error:
            meant = sort(error, self._whom(url))
            failed = meant if isinstance(meant, AgentFixError) else getattr(meant, "error", None)
            raise (failed or ModelUnavailableError(f"{url} does not list its models.")) from None
        return names

    def _whom(self, url: str) -> Whom:
        return Whom(self._model, url, self._endpoint.key, self._key or "")

    def _sdk(self, url: str) -> openai.AsyncOpenAI:
        if self._key is None:  # read once: a keyring is slow to ask
            self._key = (read_key(self._endpoint.key) if self._endpoint.key else None) or ""
        of_loop = self._sdks.setdefault(asyncio.get_running_loop(), {})
        if url not in of_loop:
            most = self._endpoint.max_concurrency
            key = self._key or NO_KEY
            http = httpx2.AsyncClient(
                event_hooks={"request": [] if self._endpoint.key == DEFAULT_KEY else [_plainly(key)]},
                follow_redirects=False,  # a prompt goes nowhere else than the user said
                timeout=httpx2.Timeout(self._endpoint.timeout_s, connect=self._endpoint.connect_timeout_s),
                limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most))
            of_loop[url] = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0, http_client=http)
        return of_loop[url]

    async def aclose(self) -> None:
        """Close the connections of this event loop. May be called twice."""
        for sdk in self._sdks.pop(asyncio.get_running_loop(), {}).values():
            await sdk.close()


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the SDK, which takes what OpenAI itself has no word for apart."""
    own = {name: value for name, value in body.items() if name not in BEYOND_OPENAI}
    extra = {name: body[name] for name in BEYOND_OPENAI if name in body}
    return own | ({"extra_body": extra} if extra else {})


async def _whole(sdk: openai.AsyncOpenAI, body: Mapping[str, Any], whom: Whom) -> Reply:
    create: Any = sdk.chat.completions.with_raw_response.create
    response: Any = await create(**_arguments(body))
    await _require_type(response.http_response, "application/json", whom)
    return whole(response.http_response.json(), _chars(body))


async def _streamed(sdk: openai.AsyncOpenAI, body: Mapping[str, Any], pieces: Pieces, whom: Whom,
                    first_token_s: float) -> Reply:
    first = asyncio.timeout(first_token_s)
    try:
        async with first:
            create: Any = sdk.chat.completions.create
            stream: Any
            # Closed at once, or a broken one would keep its connection.
            async with await create(**_arguments(body)) as stream:
                if "application/json" in stream.response.headers.get("content-type", ""):
                    return pieces.take(whole(json.loads(await stream.response.aread()), _chars(body)))
                await _require_type(stream.response, "text/event-stream", whom)
                async for chunk in stream:
                    pieces.add(chunk.to_dict(warnings=False))
                    if pieces.begun:
                        first.reschedule(None)
    except TimeoutError:
        if not first.expired():
            raise
        raise Passing(ModelUnavailableError(
            f"{whom.url} gave no word of {whom.model!r} within {first_token_s:g} s.",
            "Set a larger first_token_timeout_s for the endpoint.")) from None
    if pieces.empty:
        raise Passing(ModelReplyError(f"{whom.url} gave an empty stream instead of a reply of {whom.model!r}."),
                      empty_stream=True)
    if pieces.cut:
        raise junk(whom, "a stream that ends before its time")
    return pieces.reply(_chars(body))


async def _require_type(response: httpx2.Response, wanted: str, whom: Whom) -> None:
    given = response.headers.get("content-type", "nothing")
    if wanted not in given:
        raise junk(whom, f"{given} {await _start(response)!r}")


async def _start(response: httpx2.Response) -> str:
    if response.is_stream_consumed:
        return response.text[:START_BYTES]
    async for piece in response.aiter_bytes():
        return piece[:START_BYTES].decode("utf-8", "replace")
    return ""


def _plainly(key: str) -> Callable[[httpx2.Request], Awaitable[None]]:
    """Keeps what the SDK reads from OPENAI_ variables (an organisation, a project, headers of the user's own) from
    servers that it is not meant for."""

    async def keep(request: httpx2.Request) -> None:
        for name in set(request.headers) - _PLAIN_HEADERS:
            if not name.startswith("x-stainless-"):  # by these the SDK knows its own requests again
                del request.headers[name]
        request.headers["authorization"] = f"Bearer {key}"

    return keep


def _chars(body: Mapping[str, Any]) -> int:
    """The length of a prompt's texts, for servers that don't count; pictures are not texts."""
    contents: list[Any] = [message["content"] for message in body["messages"]]
    return sum(len(content) if isinstance(content, str) else sum(len(part.get("text", "")) for part in content)
               for content in contents)
