"""What a text changes in another, line by line. Pure."""

from __future__ import annotations

import difflib

from agentfix.types import Attempt

LINES = 2000
"""Of either text; comparing takes time that grows with the product of both."""
CONTEXT = 3


def difference(parent: Attempt, attempt: Attempt) -> list[list[str]]:
    """What an attempt changes in the one that it goes on from: pairs of a sign and a line.

    The signs are `+`, `-`, a space for what both have, and `@` before each place. Empty where nothing is changed.
    """
    return lines_changed(parent.program or parent.text, attempt.program or attempt.text)


def lines_changed(before: str, after: str) -> list[list[str]]:
    """The same for two texts."""
    one, other = before.splitlines()[:LINES], after.splitlines()[:LINES]
    found = list(difflib.unified_diff(one, other, lineterm="", n=CONTEXT))[2:]
    return [[line[:1], line[1:] if line[:1] != "@" else line] for line in found]
