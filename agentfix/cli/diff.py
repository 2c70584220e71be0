"""What differs between two attempts."""

from __future__ import annotations

import difflib

from agentfix.cli.visible import bounded
from agentfix.types import Attempt


def diff_of(before: Attempt, after: Attempt, names: tuple[str, str] | None = None) -> str:
    """A unified diff, bounded and made visible; empty where nothing differs.

    Args:
        before: the attempt that was there first.
        after: the other one.
        names: what they are called; by their numbers when not given.
    """
    old, new = (bounded(each.program or each.text, lines=200, characters=20_000).splitlines()
                for each in (before, after))
    first, second = names or (f"attempt {before.id}", f"attempt {after.id}")
    return bounded("\n".join(difflib.unified_diff(old, new, first, second, lineterm="", n=2)), lines=80,
                   characters=8000)
