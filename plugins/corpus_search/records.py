"""Reads JSON lines: one record a row, with a text and perhaps a title, an id and an address."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from .cutting import Section

TEXT = ("text", "contents", "content", "passage", "body", "paragraph")
TITLE = ("title", "name", "heading")
URL = ("url", "link", "uri")


def read_records(path: Path) -> Iterator[Section]:
    """One section a row; empty rows are passed over.

    Raises:
        ValueError: a row is no JSON object, or has no text; names the row and the field.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line := line.strip().removeprefix(b"\xef\xbb\xbf"):
                yield _section(number, _row(number, line))


def _row(number: int, line: bytes) -> Mapping[str, Any]:
    try:
        row: Any = json.loads(line)
    except UnicodeDecodeError as error:
        raise ValueError(f"row {number} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"row {number} is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"row {number} is no JSON object but {type(row).__name__}")
    return cast("Mapping[str, Any]", row)


def _section(number: int, row: Mapping[str, Any]) -> Section:
    name = next((name for name in TEXT if name in row), None)
    if name is None:
        fields = ", ".join(repr(field)[:40] for field in [*row][:8]) or "none"
        raise ValueError(f"row {number} has no text: its fields are {fields}; one must be {' or '.join(TEXT)}")
    text = _string(number, row, name)
    title = next((_string(number, row, field) for field in TITLE if row.get(field) is not None), "")
    url = next((_string(number, row, field) for field in URL if row.get(field) is not None), "")
    return Section(" ".join(title.split()), text, place=f":{number}", url=url, record=True)


def _string(number: int, row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise ValueError(f"row {number}: its field {name!r} is {type(value).__name__}, and must be a string")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()  # JSON may say half a character
