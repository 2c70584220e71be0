"""Reads how many rounds there are."""

from __future__ import annotations

from agentfix import UsageError

MOST = 16


def rounds(strategy: str, argument: str, default: int) -> int:
    """Read `NAME:ROUNDS`.

    Args:
        strategy: whose argument it is.
        argument: what follows the colon.
        default: when that is nothing.

    Raises:
        UsageError: it is no number from 1 to 16.
    """
    if not argument:
        return default
    if not argument.isascii() or not argument.isdigit() or len(argument) > 4 or not 1 <= int(argument) <= MOST:
        raise UsageError(f"{strategy!r} takes a number of rounds from 1 to {MOST}, not {argument[:40]!r}.",
                         f"Write for example {strategy}:{default}.")
    return int(argument)
