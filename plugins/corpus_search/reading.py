"""Reads files of several formats as sections: text, Markdown, PDF, HTML, and records in JSON lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from .cutting import Section
from .records import read_records

EXTRA = "pip install 'agentfix[corpus]'"
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*\r?$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class UnreadableError(Exception):
    """A file that can't be read, and why."""


def read(path: Path) -> Iterator[Section]:
    """The sections of a file, by the end of its name; any other name is a text's.

    Raises:
        UnreadableError: it is not what its name says, or a package is missing that reads it.
    """
    reader = READERS.get(path.suffix.lower(), _read_text)
    try:
        yield from reader(path)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def decode(content: bytes) -> str:
    """A text file's text: UTF-8, what a byte order mark says, or else Windows-1252.

    Raises:
        ValueError: it is no text.
    """
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return content[len(mark):].decode(encoding, "replace")
    if b"\0" in content[:65536]:
        raise ValueError("it is no text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _read_text(path: Path) -> Iterator[Section]:
    yield Section(path.stem, decode(path.read_bytes()))


def _read_markdown(path: Path) -> Iterator[Section]:
    """A section for each heading, titled with the document's title and the heading."""
    text = decode(path.read_bytes())
    blind = _FENCE.sub(lambda fence: " " * len(fence[0]), text)  # a comment in a program is no heading
    headings = list(_HEADING.finditer(blind))
    title = headings[0][2] if headings else path.stem
    starts = [0, *(heading.start() for heading in headings)]
    names = ["", *(heading[2] for heading in headings)]
    for name, start, end in zip(names, starts, [*starts[1:], len(text)], strict=True):
        yield Section(f"{title}: {name}" if name and name != title else title, text[start:end], start)


def _read_pdf(path: Path) -> Iterator[Section]:
    if not find_spec("pypdf"):
        raise UnreadableError(f"PDF needs pypdf: {EXTRA}")
    from .pdf import read_pdf  # noqa: PLC0415 - an optional package

    return read_pdf(path)


def _read_html(path: Path) -> Iterator[Section]:
    if not find_spec("trafilatura"):
        raise UnreadableError(f"HTML needs trafilatura: {EXTRA}")
    from .html import read_html  # noqa: PLC0415 - an optional package

    return read_html(path)


READERS: Mapping[str, Callable[[Path], Iterator[Section]]] = {
    ".txt": _read_text,
    ".text": _read_text,
    ".rst": _read_text,
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".pdf": _read_pdf,
    ".html": _read_html,
    ".htm": _read_html,
    ".xhtml": _read_html,
    ".jsonl": read_records,
    ".ndjson": read_records,
}
"""By the end of a file's name. In folders, other files are passed over."""
