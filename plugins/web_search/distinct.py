"""Leaves out results that say the same as an earlier one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from agentfix import Passage

MAX_TEXT_CHARS = 1000
MAX_TITLE_CHARS = 200
_TRACKING = {"fbclid", "gclid", "dclid", "msclkid", "yclid", "igshid", "mc_cid", "mc_eid", "ref_src", "spm"}
_TRACKING_START = "utm_"
_SHORT_WORDS = 8
"""Texts of fewer words are alike by chance."""


def distinct(passages: Iterable[Passage]) -> list[Passage]:
    """The results with an address in the web, cut to a bearable length, without those that come twice."""
    kept: list[Passage] = []
    seen: set[str] = set()
    for passage in passages:
        keys = {key for key in (page_of(passage.url), _words(passage.text)) if key}
        if not page_of(passage.url) or keys & seen:
            continue
        seen |= keys
        title = _cut(passage.title, MAX_TITLE_CHARS) or urlsplit(passage.url).netloc
        kept.append(replace(passage, title=title, text=_cut(passage.text, MAX_TEXT_CHARS)))
    return kept


def page_of(url: str) -> str:
    """The page that an address means, however it is written; empty if it is no address in the web."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    host = parts.hostname.removeprefix("www.")
    asked = sorted((key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True)
                   if key.lower() not in _TRACKING and not key.lower().startswith(_TRACKING_START))
    usual = port is None or port == (443 if parts.scheme == "https" else 80)
    return f"{host}{'' if usual else f':{port}'}{parts.path.rstrip('/')}?{urlencode(asked)}"


def _words(text: str) -> str:
    words = text.casefold().split()
    return " ".join(words) if len(words) >= _SHORT_WORDS else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}..."
