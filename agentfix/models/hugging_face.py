"""Fetches model files from Hugging Face over HTTP, and goes on where a broken connection stopped."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from agentfix.deadline import within
from agentfix.errors import CatalogueError
from agentfix.models.entries import ModelFile
from agentfix.models.sources import Report, free_bytes, require_space

OPEN_TIMEOUT_S = 10.0
"""For looking up the name, trying each of its addresses, and the first answer: together, because none of the
client's own time limits covers them together, and behind some firewalls every address has to time out."""
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
PAUSES_S = (0.0, 2.0, 8.0)
"""Before each new try without progress."""
_REASONS = {401: "it asks for an account", 403: "it asks for an account", 404: "it has no such file"}


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """The repositories at `url`.

    Args:
        url: `https://huggingface.co` or a mirror of it.
        free: free bytes on the disk of a folder.
        pauses_s: seconds before each new try without progress, once a download has begun.
    """

    url: str
    free: Callable[[Path], int] = free_bytes
    pauses_s: tuple[float, ...] = PAUSES_S
    title: str = "Hugging Face"
    suffix: str = "part"

    def fetch(self, file: ModelFile, part: Path, report: Report) -> str | None:
        """See `Source`."""
        if file.repository is None:
            raise CatalogueError("It does not have this file.")
        address = f"{self.url.rstrip('/')}/{file.repository}/resolve/main/{file.file}"
        headers = {"Accept-Encoding": "identity"}
        try:
            with httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers=headers) as client:
                return self._persist(lambda: self._attempt(client, address, file, part, report), part)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise CatalogueError(f"The connection to {self.url} failed: {reason}.") from error

    def _persist(self, attempt: Callable[[], str | None], part: Path) -> str | None:
        """Try again after a cut. A host that never sent anything gets one try: another source may be at hand."""
        failures, begun = 0, False
        while True:
            before = _size(part)
            try:
                return attempt()
            except (httpx.TransportError, TimeoutError):
                gained = _size(part) > before
                begun = begun or gained
                failures = 0 if gained else failures + 1
                if not begun or failures >= len(self.pauses_s):
                    raise
                time.sleep(self.pauses_s[failures])

    def _attempt(self, client: httpx.Client, address: str, file: ModelFile, part: Path, report: Report) -> str | None:
        """One request: the rest of the file, or the whole where the server can't give a rest."""
        done = _size(part)
        request = client.build_request("GET", address, headers={"Range": f"bytes={done}-"} if done else {})
        with closing(within(OPEN_TIMEOUT_S, lambda: client.send(request, stream=True))) as response:
            if done and response.status_code == 416:
                if response.headers.get("Content-Range") == f"bytes */{done}":
                    return _stated_sha256(response)
                part.unlink()
                return self._attempt(client, address, file, part, report)
            done = _start(response, done)
            total = done + _length(response)
            if file.size_bytes not in (None, total):
                raise CatalogueError(f"It offers {total} bytes instead of {file.size_bytes}.")
            require_space(part.parent, total - done, self.free)
            with part.open("ab" if done else "wb") as out:
                # Without a chunk size: httpx drops what it has gathered for a chunk when the connection breaks.
                for chunk in response.iter_raw():
                    out.write(chunk)
                    done += len(chunk)
                    report(done, total, "")
            return _stated_sha256(response)


def _start(response: httpx.Response, asked: int) -> int:
    """At which byte the body begins."""
    match response.status_code:
        case 200:
            return 0
        case 206 if response.headers.get("Content-Range", "").startswith(f"bytes {asked}-"):
            return asked
        case status:
            raise CatalogueError(f"It answered {status}: {_REASONS.get(status, 'it can not serve the file now')}.")


def _length(response: httpx.Response) -> int:
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        raise CatalogueError("It does not say how long the file is.")
    return int(length)


def _stated_sha256(response: httpx.Response) -> str | None:
    """Hugging Face states the hash of large files in the redirect that leads to their store:
    https://huggingface.co/docs/huggingface_hub/package_reference/file_download"""
    for hop in (*response.history, response):
        tag = hop.headers.get("X-Linked-ETag", "").strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", tag):
            return tag
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
