"""Long texts, kept once: a journal row holds references where texts stand that are in the journal already.

A prompt repeats the attempt it revises, an attempt the completion it was read from, the result an attempt: written out
each time, a journal would grow with the square of what happened.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

SHORT = 96
"""Texts up to this many characters stand where they are used."""
REFERENCE = "$text"
QUOTED = "$object"
"""Wraps an object of the caller's that looks like one of ours."""
_PLAIN, _ZIPPED = b"p", b"z"


def dump(value: Any, put: Callable[[str], int | str]) -> str:
    """JSON of a value, in ASCII, without its long texts.

    Args:
        value: plain JSON.
        put: keeps a long text, and gives what stands for it.
    """
    return json.dumps(_shorten(value, put), separators=(",", ":"))


def load(text: str, get: Callable[[Any], str]) -> Any:
    """The value of which `dump` made this.

    Args:
        text: the JSON.
        get: gives the text that something stands for.
    """
    return _restore(json.loads(text), get)


def references(text: str) -> set[int]:
    """Which numbered texts a dumped value refers to."""
    found: set[int] = set()
    _collect(json.loads(text), found)
    return found


def named(text: str) -> tuple[bytes, bytes]:
    """What names a text, and its bytes."""
    raw = text.encode("utf-8", "surrogatepass")  # a model's JSON can hold half of a surrogate pair
    return hashlib.blake2b(raw, digest_size=16).digest(), raw


def packed(raw: bytes) -> bytes:
    """How a text is kept. It costs more than all else: what is kept already is not packed again."""
    zipped = zlib.compress(raw, 6)
    return _ZIPPED + zipped if len(zipped) < len(raw) else _PLAIN + raw


def unpacked(body: bytes) -> str:
    """The text that is kept so."""
    raw = zlib.decompress(body[1:]) if body[:1] == _ZIPPED else body[1:]
    return raw.decode("utf-8", "surrogatepass")


def _shorten(value: Any, put: Callable[[str], int | str]) -> Any:
    if isinstance(value, str):
        return value if len(value) <= SHORT else {REFERENCE: put(value)}
    if isinstance(value, dict):
        short: dict[str, Any] = {str(key): _shorten(item, put) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return {QUOTED: short} if len(short) == 1 and (REFERENCE in short or QUOTED in short) else short
    if isinstance(value, list | tuple):
        return [_shorten(item, put) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _restore(value: Any, get: Callable[[Any], str]) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]
            if REFERENCE in value:
                return get(value[REFERENCE])
            if QUOTED in value:
                value = value[QUOTED]  # pyright: ignore[reportUnknownVariableType]
        return {key: _restore(item, get) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_restore(item, get) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _collect(value: Any, found: set[int]) -> None:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get(REFERENCE), int):  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            found.add(value[REFERENCE])  # pyright: ignore[reportUnknownArgumentType]
        for item in value.values():  # pyright: ignore[reportUnknownVariableType]
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _collect(item, found)
