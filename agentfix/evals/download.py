"""Fetches the one file that a data set is published as. Knows nothing about data sets."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from agentfix.deadline import within
from agentfix.errors import DataSetError

OPEN_TIMEOUT_S = 15.0
"""For looking up the name, connecting and the first answer, together."""
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WHOLE_TIMEOUT_S = 1800.0
_HINT = "Try again where the network reaches it, or put a copy into a folder and name that with --data-dir."


def download(url: str, most_bytes: int, report: Callable[[int, int | None], None]) -> bytes:
    """The bytes at an address.

    Args:
        url: http: or https:.
        most_bytes: more are not read.
        report: told how many bytes have come, and of how many if that is known.

    Raises:
        DataSetError: it can't be reached, answers otherwise, or sends more.
    """
    try:
        with httpx.Client(
            follow_redirects=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"},
            event_hooks={"request": [partial(_check, httpx.URL(url))]},
        ) as client:
            request = client.build_request("GET", url)
            with closing(within(OPEN_TIMEOUT_S, lambda: client.send(request, stream=True))) as response:
                if response.status_code != 200:
                    raise DataSetError(f"{url} answered {response.status_code}.", _HINT)
                return _body(response, url, most_bytes, report)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise DataSetError(f"{urlsplit(url).netloc} can't be reached: {reason}.", _HINT) from error


def _check(first: httpx.URL, request: httpx.Request) -> None:
    """Where a redirect may lead: not from an encrypted address to one that is not, and not into a private network."""
    url = request.url
    if url.scheme != first.scheme == "https":
        raise DataSetError(f"{first} leads to {url}, which is not encrypted.", _HINT)
    if url.host == first.host:
        return
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)}
    except OSError:
        return  # perhaps a proxy knows it; else the connection says so
    if not all(ip_address(address).is_global for address in found):
        raise DataSetError(f"{first} leads to {url}, which is in a private network.", _HINT)


def _body(response: httpx.Response, url: str, most_bytes: int, report: Callable[[int, int | None], None]) -> bytes:
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    chunks: list[bytes] = []
    done, began = 0, time.monotonic()
    for chunk in response.iter_raw():  # what was not asked for compressed is not unpacked: that has no bound
        chunks.append(chunk)
        done += len(chunk)
        if done > most_bytes:
            raise DataSetError(f"{url} sends more than {most_bytes:,} bytes.", "It is not what was published.")
        if time.monotonic() - began > WHOLE_TIMEOUT_S:
            raise DataSetError(f"{url} did not end in {WHOLE_TIMEOUT_S:g} s.", _HINT)
        report(done, total)
    return b"".join(chunks)
