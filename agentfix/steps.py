"""The steps of what a model wrote: where a search goes on from, and where a critic says that it went wrong."""

from __future__ import annotations

import re

_PARAGRAPH = re.compile(r"\S.*?(?=\n[ \t]*\n|\Z)", re.DOTALL)
_LINE = re.compile(r"^.*\S.*$", re.MULTILINE)
_FENCE = re.compile(r"^\s*```", re.MULTILINE)
STEP_END = "\n\n"
"""What a step of prose ends with."""


def steps_of(text: str) -> tuple[str, ...]:
    """Split a chain of reasoning into steps: its paragraphs where there is more than one, else its lines; of a text
    with code in it always the lines. Blank ones do not count.

    Args:
        text: as the model wrote it.
    """
    return tuple(match.group() for match in _found(text))


def first_steps(text: str, count: int) -> str:
    """The beginning of a text, up to the end of so many of its steps.

    Args:
        text: as the model wrote it.
        count: 0 for nothing; all of it when it has fewer.
    """
    found = _found(text)[: max(0, count)]
    return text[: found[-1].end()] if found else ""


def _found(text: str) -> list[re.Match[str]]:
    paragraphs = [] if _FENCE.search(text) else list(_PARAGRAPH.finditer(text))
    return paragraphs if len(paragraphs) > 1 else list(_LINE.finditer(text))
