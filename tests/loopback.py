"""A web site on this machine, for what speaks HTTP: real sockets, written-out answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the site says. A body of several pieces is sent without a length, and the connection closed after it."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Asked], Reply]
CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Of `pinned.test` and `html.duckduckgo.com`, and the authority that signed it."""


def server_tls() -> ssl.SSLContext:
    """What a server needs that has the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, *_: Any) -> None:
        """Clients that go away, or do not trust the certificate, are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        site, parts = self.server.site, urlsplit(self.path)
        asked = Asked(self.command, parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()},
                      {k.lower(): v for k, v in self.headers.items()},
                      self.rfile.read(int(self.headers.get("content-length") or 0)))
        site.asked.append(asked)
        route = site.routes.get(parts.path) or site.routes.get("/*") or Reply(status=404)
        try:
            self._send(route if isinstance(route, Reply) else route(asked))
        except OSError:  # the client has what it wanted
            self.close_connection = True

    do_GET = do_POST = do_HEAD = do_PUT = _answer

    def do_CONNECT(self) -> None:
        tunnel = self.server.site.tunnel
        if tunnel is None:
            return self._answer()
        self.send_response(200)
        self.end_headers()
        self.connection = tunnel.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False
        return None

    def _send(self, reply: Reply) -> None:
        pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
        self.send_response(reply.status)
        for key, value in reply.headers.items():
            self.send_header(key, value)
        if not isinstance(reply.body, bytes):
            self.send_header("Connection", "close")
        elif "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        for piece in pieces if self.command != "HEAD" else ():
            self.wfile.write(piece)
            self.wfile.flush()

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # the tunnel's; the server closes only what it accepted

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


class Site:
    """Serves routes by path, and keeps what it was asked. `/*` answers what no other route does.

    Args:
        routes: by path.
        tls: speaks https: with it.
        tunnel: is a proxy that lets nobody through, and answers as whoever is asked for over https: with it.
    """

    def __init__(self, routes: Mapping[str, Route | Reply], *, tls: ssl.SSLContext | None = None,
                 tunnel: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Route | Reply] = dict(routes)
        self.asked: list[Asked] = []
        self.tunnel = tunnel
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self
        self.port: int = self._server.server_address[1]
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def authority(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """An address on it."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.path for asked in self.asked]
