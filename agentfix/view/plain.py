"""Data as JSON that is safe to show: no control character, no mark that reorders text, nothing endless. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from agentfix.cli.visible import one_line, visible

LONGEST = 100_000
"""Characters of one text that are shown."""
LINE = 160


def plain(data: Any) -> Any:
    """Anything that JSON can hold, with its texts made visible and bounded, and numbers that every reader knows."""
    if isinstance(data, str):
        return text(data)
    if data is None or isinstance(data, int):  # truth is an int too
        return data
    if isinstance(data, float):
        return data if math.isfinite(data) else str(data)
    if isinstance(data, Mapping):
        items = cast("Mapping[Any, Any]", data).items()
        return {text(str(name)): plain(value) for name, value in items}
    if isinstance(data, list | tuple):
        return [plain(item) for item in cast("Iterable[Any]", data)]
    return text(str(data))


def text(said: str) -> str:
    """A text made visible; of a very long one the head."""
    if len(said) <= LONGEST and said.isascii() and said.isprintable():
        return said
    more = len(said) - LONGEST
    return visible(said[:LONGEST]) + (f"\n... {more:,} more characters" if more > 0 else "")


def line(said: str, characters: int = LINE) -> str:
    """The beginning of a text, in one line."""
    head = one_line(said[:4 * characters])
    return head if len(head) <= characters and len(said) <= 4 * characters else f"{head[:characters]}..."


def dumped(data: Any) -> str:
    """JSON that may stand in an HTML document: nothing in it ends an element, whatever it holds."""
    told = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
