"""Reads how many rounds there are, and who judges."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Build, UsageError

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


def rounds_and_judge(strategy: str, build: Build, default: int, judges: Sequence[str]) -> tuple[int, str]:
    """Read `NAME[:ROUNDS][:JUDGE]`.

    Args:
        strategy: whose argument it is.
        build: holds it, and knows the critics.
        default: how many rounds there are when nothing is said of them.
        judges: critics by name: without a judge, the first of them that there is, and the last in any case.

    Raises:
        UsageError: ROUNDS is no number from 1 to 16.
        UnknownNameError: there is no such judge.
    """
    first, _, rest = build.argument.partition(":")
    count, judge = (first, rest) if first.isdigit() or not first else ("", build.argument)
    if judge:
        build.part("critic", *judge.partition(":")[::2])
    return rounds(strategy, count, default), judge or _first_there_is(build, judges)


def _first_there_is(build: Build, judges: Sequence[str]) -> str:
    for judge in judges[:-1]:
        try:
            build.part("critic", *judge.partition(":")[::2])
        except UsageError:
            continue
        return judge
    return judges[-1]
