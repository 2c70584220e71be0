"""The number after the colon in a strategy's name."""

from __future__ import annotations

from agentfix import UsageError


def number_in(argument: str, strategy: str, default: int, most: int) -> int:
    """Read n from `NAME:n`.

    Args:
        argument: what follows the colon; may be empty.
        strategy: its name.
        default: what an empty one means.
        most: the greatest n there is.

    Raises:
        UsageError: it is no number from 1 to the greatest.
    """
    if not argument:
        return default
    if not argument.isascii() or not argument.isdigit() or len(argument) > 4 or not 1 <= int(argument) <= most:
        raise UsageError(f"{strategy!r} takes a number from 1 to {most}, not {argument[:40]!r}.",
                         f"Write for example {strategy}:{default}.")
    return int(argument)
