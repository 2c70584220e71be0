"""Makes text of what a server sent; HTML and PDF in a process that is killed when it takes too long."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass

from agentfix import Response, ToolError

_HTML = {"text/html", "application/xhtml+xml"}
_TEXT = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|x-yaml|javascript|toml|x-ndjson)")
_NEEDED = ("trafilatura", "pypdf")


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text."""

    url: str
    """Where it came from, after redirects."""
    title: str
    text: str


async def read(answer: Response, timeout_s: float) -> Page:
    """The text of an answer.

    Args:
        answer: a page.
        timeout_s: for reading it.

    Raises:
        ToolError: it has none, is damaged, takes too long, or is of another type.
    """
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.content.startswith(b"%PDF-") or kind == "application/pdf":
        return await _in_worker(answer, "pdf", timeout_s)
    if kind in _HTML or (not kind and b"<html" in answer.content[:1000].lower()):
        return await _in_worker(answer, "html", timeout_s)
    if not answer.text.strip():
        raise ToolError(f"{answer.url} has no text.")
    if kind and not _TEXT.fullmatch(kind):
        raise ToolError(f"{answer.url} can't be read: it is of the type {kind[:60]!r}.")
    return Page(answer.url, "", answer.text)


async def _in_worker(answer: Response, kind: str, timeout_s: float) -> Page:
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise ToolError(f"Reading a page needs {' and '.join(missing)}: pip install 'agentfix[web]'",
                        status="unavailable")
    told = kind == "html" and "charset=" in answer.headers.get("content-type", "").lower() and answer.text
    asked = json.dumps({"kind": kind, "charset": "utf-8" if told else ""})
    content = answer.text.encode() if told else answer.content
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", f"{__package__}.worker",
                                                   stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate(f"{asked}\n".encode() + content)
    except TimeoutError:
        raise ToolError(f"{answer.url} can't be read in the time there is.", status="timeout") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not out:
        raise ToolError(f"{answer.url} can't be read: it is damaged, or needs too much memory.")
    reply = json.loads(out)
    if "problem" in reply:
        raise ToolError(f"{answer.url} can't be read: {reply['problem']}.")
    return Page(answer.url, " ".join(reply["title"].split()), reply["text"])
