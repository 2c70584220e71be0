"""What a tool is given while it runs, without a network, keys or a sandbox."""

from __future__ import annotations

import json as json_text
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from agentfix.errors import ToolError
from agentfix.protocols import Http, Response, Session, ToolContext
from agentfix.testing.model import ScriptedModel, asking
from agentfix.testing.sandbox import ScriptedSandbox, ScriptedSession

Page: TypeAlias = "str | bytes | dict[str, Any] | list[Any] | Response | Exception"
"""What a server says: a text, bytes, what is sent as JSON, a whole response; or an error to raise."""


class ScriptedHttp:
    """An `Http` that gives the pages it was given and keeps what it was asked.

    Args:
        pages: by address, with or without its query; or a function of the address.

    Attributes:
        requests: method and address of every request, in order.
    """

    def __init__(self, pages: Mapping[str, Page] | Callable[[str], Page]) -> None:
        self.requests: list[tuple[str, str]] = []
        self._pages = pages

    async def request(self, method: str, url: str, *, params: Mapping[str, str] | None = None,
                      headers: Mapping[str, str] | None = None, json: Any = None, content: bytes | None = None,
                      max_bytes: int = 5_000_000, timeout_s: float | None = None) -> Response:
        """See `agentfix.Http`.

        Raises:
            AssertionError: there is no such page.
            Exception: the error that stands for the page.
        """
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        self.requests.append((method, url))
        page = self._page(url)
        if isinstance(page, Exception):
            raise page
        return page if isinstance(page, Response) else _response(url, page)

    async def get(self, url: str, *, params: Mapping[str, str] | None = None,
                  headers: Mapping[str, str] | None = None, max_bytes: int = 5_000_000,
                  timeout_s: float | None = None) -> Response:
        """See `agentfix.Http`."""
        return await self.request("GET", url, params=params, headers=headers)

    def _page(self, url: str) -> Page:
        if callable(self._pages):
            return self._pages(url)
        plain = urlsplit(url)._replace(query="", fragment="").geturl()
        for known in (url, plain):
            if known in self._pages:
                return self._pages[known]
        raise AssertionError(f"no page was given for {url}")


class FixedSecrets:
    """A `Secrets` that holds these keys, as declared by the tool; None for one that the user has not set."""

    def __init__(self, keys: Mapping[str, str | None]) -> None:
        self._keys = keys

    def get(self, name: str) -> str | None:
        """See `agentfix.Secrets`."""
        if name not in self._keys:
            raise ToolError(f"The key {name!r} was not declared by this tool.", status="refused")
        return self._keys[name]

    def require(self, name: str) -> str:
        """See `agentfix.Secrets`."""
        key = self.get(name)
        if key is None:
            raise ToolError(f"The key {name} is not set.", status="unavailable")
        return key


def tool_context(*, pages: Mapping[str, Page] | Callable[[str], Page] | None = None, http: Http | None = None,
                 secrets: Mapping[str, str | None] | None = None, sandbox: Session | None = None,
                 timeout_s: float = 10.0, seed: int = 0, folder: Path = Path(),
                 model: ScriptedModel | None = None) -> ToolContext:
    """A context for a tool's `run`, `verify` and `undo`.

    Args:
        pages: what servers say, as for `ScriptedHttp`.
        http: instead of one that gives `pages`.
        secrets: the keys that the tool declared.
        sandbox: where programs run; one in which none is expected, when None.
        timeout_s: how long the tool may take.
        seed: where its chance starts from.
        folder: where it keeps files.
        model: whom it asks; nobody when None.
    """
    session = sandbox or ScriptedSession(ScriptedSandbox([]))
    context = ToolContext(session, timeout_s, seed, http or ScriptedHttp(pages or {}), FixedSecrets(secrets or {}),
                          folder)
    return context if model is None else replace(context, ask=asking(model, seed), model=model.name)


def _response(url: str, page: str | bytes | dict[str, Any] | list[Any]) -> Response:
    kind = "application/json" if isinstance(page, dict | list) else "text/plain; charset=utf-8"
    text = page if isinstance(page, str) else None
    if isinstance(page, dict | list):
        text = json_text.dumps(page)
    content = text.encode() if text is not None else bytes(page)  # pyright: ignore[reportArgumentType]
    return Response(url, 200, {"content-type": kind}, content, content.decode("utf-8", "replace"))
