"""Long texts, kept once: a journal row holds references where texts stand that are in the file already.

A prompt repeats the attempt it revises, an attempt the completion it was read from, the result an attempt: written out
each time, a journal would grow with the square of what happened.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from typing import Any

SHORT = 96
"""Texts up to this many characters stand where they are used."""
REFERENCE = "$text"
QUOTED = "$object"
"""Wraps an object of the caller's that looks like one of ours."""
_PLAIN, _ZIPPED = b"p", b"z"


def dump(value: Any, db: sqlite3.Connection) -> str:
    """JSON of a value, with its long texts put into the table `texts`."""
    return json.dumps(_shorten(value, db), separators=(",", ":"))


def load(text: str, db: sqlite3.Connection) -> Any:
    """The value of which `dump` made this."""
    return _restore(json.loads(text), db)


def references(text: str) -> set[int]:
    """Which texts a dumped value refers to."""
    found: set[int] = set()
    _collect(json.loads(text), found)
    return found


def _shorten(value: Any, db: sqlite3.Connection) -> Any:
    if isinstance(value, str):
        return value if len(value) <= SHORT else {REFERENCE: _put(value, db)}
    if isinstance(value, dict):
        short: dict[str, Any] = {str(key): _shorten(item, db) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return {QUOTED: short} if len(short) == 1 and (REFERENCE in short or QUOTED in short) else short
    if isinstance(value, list | tuple):
        return [_shorten(item, db) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _restore(value: Any, db: sqlite3.Connection) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]
            if REFERENCE in value:
                return _get(value[REFERENCE], db)  # pyright: ignore[reportUnknownArgumentType]
            if QUOTED in value:
                value = value[QUOTED]  # pyright: ignore[reportUnknownVariableType]
        return {key: _restore(item, db) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_restore(item, db) for item in value]  # pyright: ignore[reportUnknownVariableType]
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


def _put(text: str, db: sqlite3.Connection) -> int:
    raw = text.encode("utf-8", "surrogatepass")  # a model's JSON can hold half of a surrogate pair
    name = hashlib.blake2b(raw, digest_size=16).digest()
    known = db.execute("SELECT id FROM texts WHERE hash = ?", (name,)).fetchone()
    if known:
        return int(known[0])
    zipped = zlib.compress(raw, 6)
    body = _ZIPPED + zipped if len(zipped) < len(raw) else _PLAIN + raw
    return int(db.execute("INSERT INTO texts (hash, body) VALUES (?, ?)", (name, body)).lastrowid or 0)


def _get(number: int, db: sqlite3.Connection) -> str:
    row = db.execute("SELECT body FROM texts WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"text {number} is missing")
    raw = zlib.decompress(row[0][1:]) if row[0][:1] == _ZIPPED else row[0][1:]
    return raw.decode("utf-8", "surrogatepass")
