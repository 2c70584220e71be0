"""Finds code in a model's reply."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"```[ \t]*(?:(?:python3?|py)[ \t]*)?\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def last_block(reply: str) -> str:
    """The last fenced code block, or the reply itself when it has none."""
    blocks: list[str] = _BLOCK.findall(reply)
    return (blocks[-1] if blocks else reply).strip("\n")
