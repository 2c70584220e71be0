"""Turns what a server sent into bytes and text, within a limit. Knows nothing about connections."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass, field
from typing import Any

_GZIP = zlib.MAX_WBITS | 16
_RAW = -zlib.MAX_WBITS
_NOT_OF_THE_WEB = {"idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined", "unicode-escape",
                   "utf-7"}
"""Encodings of Python that a server can't mean; some take quadratic time to decode."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TooLargeError(Exception):
    """The body is longer than it may be."""


class UnreadableError(Exception):
    """The body can't be decompressed; says why."""


@dataclass
class Body:
    """A body as it arrives, decompressed piece by piece and never beyond the limit.

    Args:
        encoding: the header `Content-Encoding`; empty for none.
        max_bytes: of the body after decompression, and before it.

    Raises:
        UnreadableError: it is compressed in a way that was not asked for.
    """

    encoding: str
    max_bytes: int
    _content: bytearray = field(default_factory=bytearray, init=False)
    _received_bytes: int = field(default=0, init=False)
    _inflate: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        name = self.encoding.strip().lower()
        if name in ("gzip", "x-gzip"):
            self._inflate = zlib.decompressobj(_GZIP)
        elif name == "deflate":
            self._inflate = zlib.decompressobj()
        elif name not in ("", "identity"):
            raise UnreadableError(f"it is compressed as {name[:40]!r}, which was not asked for")

    def add(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            TooLargeError: it is one too many.
            UnreadableError: it can't be decompressed.
        """
        self._received_bytes += len(piece)
        if self._received_bytes > self.max_bytes:
            raise TooLargeError
        self._content += piece if self._inflate is None else self._inflated(piece)
        if len(self._content) > self.max_bytes:
            raise TooLargeError

    def content(self) -> bytes:
        """All of it.

        Raises:
            UnreadableError: the end is missing.
        """
        if self._inflate is not None and self._received_bytes and not self._inflate.eof:
            raise UnreadableError("its end is missing")
        return bytes(self._content)

    def _inflated(self, piece: bytes) -> bytes:
        room = self.max_bytes - len(self._content) + 1
        first = self._received_bytes == len(piece)
        try:
            return self._inflate.decompress(piece, room)
        except zlib.error as error:
            if not (first and self.encoding.strip().lower() == "deflate"):
                raise UnreadableError(f"{error}") from error
        self._inflate = zlib.decompressobj(_RAW)  # some servers send deflate without its header
        try:
            return self._inflate.decompress(piece, room)
        except zlib.error as error:
            raise UnreadableError(f"{error}") from error


def decoded(content: bytes, content_type: str) -> str:
    """The text of a body: as its headers say, else as its byte order mark does, else UTF-8.

    What is none of these is read as Windows-1252 if it is called text, and is no text otherwise.

    Args:
        content: the body.
        content_type: the header.
    """
    if name := _charset(content_type):
        return content.decode(name, errors="replace")
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content.decode(name, errors="replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace") if content_type.strip().lower().startswith("text/") else ""


def _charset(content_type: str) -> str:
    """A codec by the parameter `charset`; empty where there is none that Python knows and the web uses."""
    for parameter in content_type.split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            try:
                name = codecs.lookup(value.strip().strip("\"'")).name
                b"a".decode(name, "replace")  # LookupError: it makes no text
            except (LookupError, ValueError):
                return ""
            return "" if name.replace("_", "-") in _NOT_OF_THE_WEB else name
    return ""
