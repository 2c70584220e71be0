"""What search engines answer. Synthetic: written from the code that reads it (ddgs' XPaths) and from the documentation
of the engines' interfaces; no answer of a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import pytest

from tests.loopback import CERTIFICATE, Reply, Site, server_tls

Result = tuple[str, str, str]
"""Title, address, text."""

LIGHTHOUSES: list[Result] = [
    ("Alnes fyr", "https://example.org/alnes", "Alnes Lighthouse & museum was built in 1852 on the island of Godøya."),
    ("Lighthouses of Norway", "https://example.net/list?id=7",
     "Of the 212 lighthouses in Norway, Alnes is among the most visited ones."),
]


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


def duckduckgo(results: list[Result]) -> Reply:
    """https://html.duckduckgo.com/html/, with an advertisement before the results."""
    advert = ("Buy lamps", "https://duckduckgo.com/y.js?ad_domain=lamps.example", "Lamps, cheap")
    blocks = "".join(
        f'<div class="result results_links web-result"><div class="links_main links_deep result__body">'
        f'<h2 class="result__title"><a class="result__a" href="{escape(url)}">{escape(title)}</a></h2>'
        f'<a class="result__snippet" href="{escape(url)}">{escape(text).replace("Alnes", "<b>Alnes</b>")}</a>'
        "</div></div>"
        for title, url, text in [advert, *results])
    page = f"<html><head><title>at DuckDuckGo</title></head><body><div id='links'>{blocks}</div></body></html>"
    return Reply(page.encode(), headers={"Content-Type": "text/html; charset=UTF-8"})


@contextmanager
def standing_for_duckduckgo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """What html.duckduckgo.com is to ddgs, which reads both variables itself."""
    with Site({"/html/": duckduckgo(LIGHTHOUSES)}, tunnel=server_tls()) as site:
        monkeypatch.setenv("DDGS_PROXY", site.url())
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        yield site


def searxng(results: list[Result]) -> Reply:
    return as_json({
        "query": "q", "number_of_results": 0, "answers": [], "corrections": [], "infoboxes": [], "suggestions": [],
        "unresponsive_engines": [["google", "timeout"]],
        "results": [{"url": url, "title": title, "content": text, "engine": "bing", "engines": ["bing"], "score": 1.0,
                     "category": "general", "publishedDate": None} for title, url, text in results]})


def brave(results: list[Result]) -> Reply:
    return as_json({
        "type": "search", "query": {"original": "q", "more_results_available": True},
        "web": {"type": "search", "results": [
            {"type": "search_result", "title": title, "url": url, "age": "May 2, 2024", "language": "en",
             "description": escape(text).replace("Alnes", "<strong>Alnes</strong>")} for title, url, text in results]}})


def tavily(results: list[Result]) -> Reply:
    return as_json({"query": "q", "answer": None, "images": [], "response_time": 0.8, "results": [
        {"title": title, "url": url, "content": text, "score": 0.9, "raw_content": None}
        for title, url, text in results]})


def wikipedia(results: list[Result], snippet: str = "") -> Reply:
    """Pages come in no order; `index` has it."""
    if not results:
        return as_json({"batchcomplete": True, "query": {"search": []}})
    pages = [{"pageid": 100 - n, "ns": 0, "title": title, "index": n, "extract": text, "fullurl": url}
             for n, (title, url, text) in enumerate(results, 1)]
    found = [{"ns": 0, "title": title, "pageid": 100 - n, "snippet": snippet}
             for n, (title, _, _) in enumerate(results, 1)]
    return as_json({"batchcomplete": True, "query": {"pages": pages[::-1], "search": found}})
