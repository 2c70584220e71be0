"""What lies in a folder: files with their bytes, and texts made of them."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agentfix import ToolError

MAX_FILE_BYTES = 700_000
"""A larger file is neither read nor changed: what was there before is kept with the observation, whose data may have
1,000,000 bytes, so that each change can be undone."""

EntryKind: TypeAlias = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds under a name."""

    name: str
    kind: EntryKind
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Content:
    """A whole file."""

    data: bytes
    mode: int = 0o644
    """Its permissions."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def text(self, name: str) -> str:
        """Its text. Raises ToolError: it has none."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ToolError(f"{name} is a binary file ({len(self.data)} bytes), not text in UTF-8.")
        return text

    def as_json(self) -> dict[str, Any]:
        """For the journal."""
        return {"base64": base64.b64encode(self.data).decode(), "mode": self.mode}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Content:
        return cls(base64.b64decode(said["base64"]), said["mode"])


def kind_of(mode: int) -> EntryKind:
    """From `st_mode`."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def lines_of(text: str) -> list[str]:
    """The lines of a text as editors count them, with their ends."""
    return io.StringIO(text).readlines()


def encoded(text: str) -> bytes:
    """A text that a model wrote, for a file. Raises ToolError: it is too long, or can't be written in UTF-8."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"The text holds half a character at position {error.start}; it can't be written.") from None
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(f"The text has {len(data)} bytes; at most {MAX_FILE_BYTES} are written.", status="refused")
    return data
