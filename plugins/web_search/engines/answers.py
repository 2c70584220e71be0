"""What the engines have in common: telling failures apart, and making plain text of snippets."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentfix import Response, ToolError

BARRED_S = 60.0
"""How long an engine is left alone that says it was asked too often, and not for how long."""
_MARKUP = re.compile(r"</?(?:a|b|br|em|i|mark|p|span|strong|u|wbr)(?:\s+[\w-]+=\"[^\"]*\")*\s*/?>", re.IGNORECASE)
"""What engines mark words with; other angle brackets are the page's own."""
_COUNTRIES = {"uk": "gb"}
"""What DuckDuckGo calls otherwise than ISO 3166."""


class RateLimitedError(ToolError):
    """An engine was asked too often.

    Args:
        message: what the model should read.
        wait_s: when it may be asked again.
    """

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message, status="rate_limited")
        self.wait_s = wait_s


def results_of(answer: Response, engine: str, *path: str) -> Sequence[Mapping[str, Any]]:
    """The list of results in an answer.

    Args:
        answer: JSON.
        engine: for people.
        *path: the keys under which the list is.

    Raises:
        ToolError: the engine refuses, is busy, or answers with something else.
    """
    require_ok(answer, engine)
    found: Any = answer.json()
    for key in path:
        found = cast("Mapping[str, Any]", found).get(key) if isinstance(found, Mapping) else None
    if found is None:
        return ()
    if not isinstance(found, list):
        raise ToolError(f"{engine} answered with something else than results.")
    return [cast("Mapping[str, Any]", one) for one in cast("list[Any]", found) if isinstance(one, Mapping)]


def require_ok(answer: Response, engine: str) -> None:
    """Raise ToolError if an answer is no answer."""
    if answer.status == 429:
        raise RateLimitedError(f"{engine} says that it was asked too often.", _wait_s(answer))
    if answer.status in (401, 403):
        raise ToolError(f"{engine} refuses to answer ({answer.status}).", status="refused")
    if answer.status >= 500:
        raise ToolError(f"{engine} is out of order ({answer.status}).", status="unavailable")
    if answer.status != 200:
        raise ToolError(f"{engine} can't answer that ({answer.status}).")


def plain(text: Any) -> str:
    """A snippet without markup, on one line."""
    return " ".join(html.unescape(_MARKUP.sub("", _whole(text))).split()) if isinstance(text, str) else ""


def address(url: Any) -> str:
    """An address; empty when there is none."""
    return _whole(url) if isinstance(url, str) else ""


def country(region: str) -> str:
    """The country of a region, as ISO 3166 says: `GB` of `uk-en`."""
    code = region.partition("-")[0]
    return _COUNTRIES.get(code, code).upper()


def language(region: str) -> str:
    """The language of a region: `en` of `uk-en`."""
    return region.partition("-")[2]


def _whole(text: str) -> str:
    """A text without half a character, which JSON may say and nothing else can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _wait_s(answer: Response) -> float:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdecimal() and len(told) < 8 else BARRED_S
