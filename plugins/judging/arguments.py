"""Reads what follows the colon in a critic's name."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import UsageError

MOST = 16
"""Judgements of one answer."""


def count(critic: str, argument: str, default: int) -> int:
    """Read a number of judgements.

    Raises:
        UsageError: it is none from 1 to 16.
    """
    if not argument:
        return default
    if not argument.isascii() or not argument.isdigit() or not 1 <= int(argument) <= MOST:
        raise UsageError(f"{critic!r} takes a number of judgements from 1 to {MOST}, not {argument!r}.",
                         f"Write for example {critic}:{max(default, 3)}.")
    return int(argument)


def names(critic: str, argument: str, default: Sequence[str]) -> tuple[str, ...]:
    """Read the names of other critics, parted by commas.

    Raises:
        UsageError: one of them is empty.
    """
    found = tuple(name.strip() for name in argument.split(",")) if argument else tuple(default)
    if not all(found):
        raise UsageError(f"{critic!r} takes names of critics with commas between them, not {argument!r}.",
                         f"Write for example {critic}:judge,yes-no.")
    return found
