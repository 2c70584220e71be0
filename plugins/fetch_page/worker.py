"""The process that reads one page: a line of JSON and the page on standard input, JSON on standard output.

A process of its own, because a page is a stranger's: one that is made to take for ever, or all memory, ends with it.
"""

from __future__ import annotations

import io
import json
import re
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

MAX_MEMORY_BYTES = 2 * 2**30
MAX_CPU_S = 120
"""It is killed earlier; this holds when nobody is left to do so."""
MAX_CHARS = 2_000_000
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_OF_PYTHON = frozenset({"utf-7", "utf7", "utf_7", "punycode"})
"""Encodings that no page may have: the one makes markup of plain text, the other takes ever longer."""
_HEAD_BYTES = 1024
"""Where https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding looks for an encoding."""


def main() -> None:
    """Read one page, or say why it can't be."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    try:
        title, text = _pdf(content) if asked["kind"] == "pdf" else _html(content, asked["charset"])
        reply = {"title": _clean(title), "text": _clean(text)}
    except ValueError as error:
        reply = {"problem": str(error)}
    except Exception as error:  # noqa: BLE001 - both packages raise anything for what is damaged
        reply = {"problem": f"{type(error).__name__}: {str(error)[:200]}"}
    sys.stdout.write(json.dumps(reply))


def _html(content: bytes, charset: str) -> tuple[str, str]:
    """Title and text. Raises ValueError: there is no text."""
    import trafilatura  # noqa: PLC0415 - each package takes as long to import as a page to read

    charset = charset or _declared(content)
    try:
        page = content.decode(charset, "replace") if charset and charset.lower() not in _OF_PYTHON else content
    except (LookupError, UnicodeError):
        page = content
    tree = trafilatura.load_html(page)
    if tree is None:
        raise ValueError("it holds no HTML")
    title = trafilatura.extract_metadata(tree).title or ""
    found = trafilatura.extract(tree, include_comments=False, include_tables=True, favor_recall=True)
    text = found or trafilatura.html2txt(tree)
    if not text.strip():
        raise ValueError("it has no text; it may be made by scripts")
    return title, text


def _declared(content: bytes) -> str:
    """The encoding that a page itself names; empty for none."""
    if content.startswith(BOM_UTF8):
        return "utf-8-sig"
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    match = _DECLARED.search(content[:_HEAD_BYTES])
    return match[1].decode() if match else ""


def _pdf(content: bytes) -> tuple[str, str]:
    """Title and text, with each page's number before it. Raises ValueError: it is locked, or has no text."""
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import FileNotDecryptedError  # noqa: PLC0415

    pages: list[str] = []
    length = 0
    try:
        reader = PdfReader(io.BytesIO(content))
        title = (reader.metadata.title if reader.metadata else None) or ""
        for number, page in enumerate(reader.pages, 1):
            if text := page.extract_text().strip():
                pages.append(f"[page {number}]\n{text}")
                length += len(text)
            if length > MAX_CHARS:
                break
    except FileNotDecryptedError:
        raise ValueError("it is locked with a password") from None
    if not pages:
        raise ValueError("it has no text; it may be a scan")
    return title, "\n\n".join(pages)


def _clean(text: str) -> str:
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


if __name__ == "__main__":
    main()
