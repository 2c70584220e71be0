"""The HTTP client that tools are given: it reaches the hosts they declared, at public addresses, and nothing else.

Proxies of the environment are not used. A proxy resolves names itself, so what it connects to could not be checked.
"""

from __future__ import annotations

import json as json_text
import re
import ssl
from asyncio import timeout
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from agentfix.errors import ToolError
from agentfix.protocols import Response
from agentfix.threads import in_thread
from agentfix.tools.addresses import Reach, canonical_host
from agentfix.tools.connecting import CheckedNetwork, Resolver
from agentfix.tools.decoding import Body, TooLargeError, UnreadableError, decoded

MAX_REDIRECTS = 5
MAX_CONNECTIONS = 20
KEPT_S = 15.0
"""How long an idle connection is kept."""
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_WITH_BODY = {"POST", "PUT", "PATCH"}
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = {301, 302, 303, 307, 308}
_OURS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "trailer", "upgrade",
         "expect"}
"""Headers that belong to the connection: a tool that set them could speak to another host than the one checked."""
_OF_NO_SECRET = {"accept", "accept-language", "user-agent", "range"}
"""Headers that follow a redirect to another origin. Any other may hold a key, whatever its name is."""
_DEFAULTS = {"user-agent": "agentfix", "accept": "*/*", "accept-encoding": "gzip, deflate"}
_AUTHORITY = re.compile(r"[^:/?#]*:?//([^/?#]*)")
_SHOWN_HOST = 100


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, checked; a redirect makes another one."""

    method: str
    url: httpx.URL
    host: str
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def port(self) -> int:
        return self.url.port or _PORTS[self.url.scheme]

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.url.scheme, self.host, self.port


class HttpClient:
    """Implements `agentfix.Http`. Many requests may be made at once, all in one event loop.

    Args:
        hosts: what the tool declared: `api.example.org`, `*.example.org` for the names below it, `*` for any.
        private_hosts: hosts that the user allows though they are private, as `HOST` or `HOST:PORT`. They must be
            declared too.
        timeout_s: for a request that does not say how long it may take, redirects included.
        resolver: finds the addresses of names; the system's when None.
        network: connects to addresses; the system's when None.
        ssl_context: for https:; checks certificates with the usual authorities when None.

    Raises:
        ConfigError: a host can't be read.
    """

    def __init__(self, hosts: Sequence[str], *, private_hosts: Sequence[str] = (), timeout_s: float = 10.0,
                 resolver: Resolver | None = None, network: httpcore.AsyncNetworkBackend | None = None,
                 ssl_context: ssl.SSLContext | None = None) -> None:
        self._reach = Reach.of(hosts, private_hosts)
        self._timeout_s = timeout_s
        self._network = CheckedNetwork(self._reach, resolver, network)
        self._ssl_context = ssl_context
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. May be called twice; a request after it opens new ones."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    async def get(self, url: str, *, params: Mapping[str, str] | None = None,
                  headers: Mapping[str, str] | None = None, max_bytes: int = 5_000_000,
                  timeout_s: float | None = None) -> Response:
        """See `agentfix.Http`."""
        return await self.request("GET", url, params=params, headers=headers, max_bytes=max_bytes,
                                  timeout_s=timeout_s)

    async def request(self, method: str, url: str, *, params: Mapping[str, str] | None = None,
                      headers: Mapping[str, str] | None = None, json: Any = None, content: bytes | None = None,
                      max_bytes: int = 5_000_000, timeout_s: float | None = None) -> Response:
        """See `agentfix.Http`.

        Raises:
            ToolError: with status `refused`, `unavailable`, `timeout`, `too_large`, or `error` for an answer that can't
                be read.
        """
        given = {key.lower(): value for key, value in (headers or {}).items()}
        if json is not None:
            content = json_text.dumps(json).encode()
            given.setdefault("content-type", "application/json")
        method = method.upper()
        if content is None and method in _WITH_BODY:
            content = b""
        asked = self._checked(_Asked(method, _with_params(_parsed(url), params), "", given, content))
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with timeout(limit_s):
                return await self._follow(asked, max_bytes)
        except TimeoutError:
            raise ToolError(f"{_shown(asked.host)} did not answer within {limit_s:g} s.", status="timeout") from None

    # --- what is asked -------------------------------------------------------------------------------------------

    def _checked(self, asked: _Asked) -> _Asked:
        """The request with its host in canonical form. Raises ToolError: it may not be made."""
        url = asked.url
        if asked.method not in _METHODS:
            raise _refusal(f"{asked.method[:20]!r} is not a method that tools may use")
        if url.scheme not in _PORTS:
            raise _refusal(f"{_shown(str(url))} is no http: or https: address")
        if url.userinfo:
            raise _refusal(f"the address at {_shown(url.host)} holds a name or password")
        try:
            host = canonical_host(url.raw_host.decode("ascii"))
        except ValueError:
            raise _refusal(f"{_shown(url.host)!r} is neither a host's name nor an address in its usual form") from None
        if url.port is not None and not 0 < url.port < 65536:
            raise _refusal(f"{_shown(host)} has no port {url.port}")
        if not self._reach.declared(host):
            raise _refusal(f"{_shown(host)} is not among the hosts that this tool declared")
        if wrong := next((key for key in asked.headers if key in _OURS or key.startswith("proxy-")), None):
            raise _refusal(f"the header {wrong!r} to {_shown(host)} can't be set")
        return _Asked(asked.method, url.copy_with(fragment=None), host, asked.headers, asked.content)

    def _redirected(self, asked: _Asked, status: int, location: str) -> _Asked:
        """What a redirect asks for. Raises ToolError: it may not be followed."""
        url = _parsed(location, asked.url)
        method, content, headers = asked.method, asked.content, dict(asked.headers)
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, content = "GET", None
            headers.pop("content-type", None)
        there = self._checked(_Asked(method, url, "", headers, content))
        if there.origin == asked.origin:
            return there
        if content is not None:
            raise _refusal(f"{_shown(asked.host)} wants what was sent to it sent to {_shown(there.host)}")
        kept = {key: value for key, value in headers.items() if key in _OF_NO_SECRET}
        return _Asked(method, there.url, there.host, kept, None)

    # --- asking --------------------------------------------------------------------------------------------------

    async def _follow(self, asked: _Asked, max_bytes: int) -> Response:
        first = asked.host
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(asked, max_bytes)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                return answer
            asked = self._redirected(asked, answer.status, _as_utf8(location))
        raise ToolError(f"{_shown(first)} redirects more than {MAX_REDIRECTS} times.")

    async def _ask(self, asked: _Asked, max_bytes: int) -> Response:
        host = _shown(asked.host)
        target = httpcore.URL(scheme=asked.url.scheme, host=asked.host, port=asked.url.port, target=asked.url.raw_path)
        sent = {"host": _authority(asked), **_DEFAULTS, **asked.headers}
        try:
            pool = await self._opened(asked.url.scheme)
            async with pool.stream(asked.method, target, headers=list(sent.items()), content=asked.content) as answer:
                headers = _headers(answer)
                redirects = answer.status in _REDIRECTS and headers.get("location")
                body = b"" if redirects else await _read(answer, headers, max_bytes, asked.method)
        except TooLargeError:
            raise ToolError(f"{host} answered with more than {max_bytes} bytes.", status="too_large") from None
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            raise ToolError(f"{host} can't be reached: {_reason(error)}.", status="unavailable") from error
        except (httpcore.LocalProtocolError, UnicodeEncodeError) as error:
            raise ToolError(f"{host} can't be asked that: {_reason(error)}.") from error
        except httpcore.ProtocolError as error:
            raise ToolError(f"{host} gave no whole answer: {_reason(error)}.") from error
        except UnreadableError as error:
            raise ToolError(f"What {host} answered can't be decompressed: {_reason(error)}.") from error
        return Response(str(asked.url), answer.status, headers, body, decoded(body, headers.get("content-type", "")))

    async def _opened(self, scheme: str) -> httpcore.AsyncConnectionPool:
        if scheme == "https" and self._ssl_context is None:
            self._ssl_context = await in_thread(httpx.create_ssl_context)  # reads many certificates
        if scheme not in self._pools:
            self._pools[scheme] = httpcore.AsyncConnectionPool(
                self._ssl_context, max_connections=MAX_CONNECTIONS, keepalive_expiry=KEPT_S,
                network_backend=self._network)
        return self._pools[scheme]


async def _read(answer: httpcore.Response, headers: Mapping[str, str], max_bytes: int, method: str) -> bytes:
    """The body, decompressed. Raises TooLargeError, UnreadableError."""
    if method == "HEAD":
        return b""
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise TooLargeError
    body = Body(headers.get("content-encoding", ""), max_bytes)
    async for piece in answer.aiter_stream():
        body.add(piece)
    return body.content()


def _headers(answer: httpcore.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for key, value in answer.headers:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    url = url.strip()
    authority = _AUTHORITY.match(url)
    # Programs disagree about where a host ends if one of these stands in it: another could be asked than was checked.
    if authority and any(one == "\\" or one.isspace() or not one.isprintable() for one in authority[1]):
        raise _refusal(f"{_shown(url)!r} is no address")
    try:
        parsed = httpx.URL(url)
        joined = base.join(parsed) if base else parsed
    except (httpx.InvalidURL, ValueError) as error:
        raise _refusal(f"{_shown(url)!r} is no address ({error})") from error
    if not joined.host or (parsed.scheme and not parsed.host):
        raise _refusal(f"{_shown(url)!r} names no host")
    return joined


def _with_params(url: httpx.URL, params: Mapping[str, str] | None) -> httpx.URL:
    try:
        return url.copy_merge_params(params) if params else url
    except UnicodeEncodeError as error:
        raise ToolError(f"{_shown(url.host)} can't be asked that: a parameter is no text ({error.reason}).") from error


def _authority(asked: _Asked) -> str:
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    return host if asked.url.port is None else f"{host}:{asked.url.port}"


def _as_utf8(header: str) -> str:
    """Servers send addresses as UTF-8, though headers are Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def _refusal(what: str) -> ToolError:
    return ToolError(f"Refused: {what}.", status="refused")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def _shown(host: str) -> str:
    return host if len(host) <= _SHOWN_HOST else f"{host[:_SHOWN_HOST]}..."
