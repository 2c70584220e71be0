"""Asks each site's robots.txt whether a page may be read, as RFC 9309 says."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from agentfix import Http, ToolError

from .recent import Recent

AGENT = "agentfix"
MAX_BYTES = 5_000_000
MAX_CHARS = 500_000
"""Of a robots.txt that are obeyed; the RFC asks for as much."""
AGE_S = 3600.0
MOST_SITES = 100


@dataclass(eq=False)
class Robots:
    """What sites ask of programs that read them."""

    _rules: Recent[RobotFileParser] = field(default_factory=lambda: Recent(MOST_SITES, AGE_S), init=False)

    async def check(self, url: str, http: Http) -> None:
        """Return if a page may be read.

        Raises:
            ToolError: the site asks not to (status `refused`), or can't be asked.
        """
        site = site_of(url)
        rules = self._rules.get(site)
        if rules is None:
            rules = await _fetched(site, http)
            self._rules.put(site, rules)
        if not rules.can_fetch(AGENT, url):
            raise ToolError(f"{_host(site)} asks programs not to read this page (robots.txt).", status="refused")


def site_of(url: str) -> str:
    """Scheme, host and port of an address.

    Raises:
        ToolError: it is none.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ToolError(f"{url[:200]!r} is no address: {error}.", status="refused") from error
    return f"{parts.scheme}://{parts.netloc}"


async def _fetched(site: str, http: Http) -> RobotFileParser:
    answer = await http.get(f"{site}/robots.txt", max_bytes=MAX_BYTES)
    if answer.status == 429 or answer.status >= 500:
        raise ToolError(f"{_host(site)} can't say now what programs may read: its robots.txt is answered "
                        f"with {answer.status}.", status="unavailable")
    rules = RobotFileParser()
    # What is there but no text has no rules. Where there is none, everything may be read.
    rules.parse(answer.text[:MAX_CHARS].splitlines() if 200 <= answer.status < 300 else [])
    return rules


def _host(site: str) -> str:
    return site.partition("://")[2]
