"""Tells what a file is from its first bytes, never from its name: names are made by programs."""

from __future__ import annotations

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"), (b"\x1f\x8b", "application/gzip"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
BINARY = "application/octet-stream"


def media_type(data: bytes) -> str:
    """The media type of a file's bytes; `application/octet-stream` for what is not known, and for no bytes."""
    for beginning, name in _BEGINNINGS:
        if data.startswith(beginning):
            return name
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return BINARY
    if not text or "\0" in text:
        return BINARY
    if text.lstrip().startswith("<svg"):
        return "image/svg+xml"
    return "text/plain"
