"""What may follow the strategies' names."""

from __future__ import annotations

from typing import Literal, TypeAlias

from agentfix import UsageError

Mode: TypeAlias = Literal["attempts", "steps"]

WIDTHS: dict[Mode, int] = {"attempts": 8, "steps": 4}
"""Of each mode, where none is said. Attempts are drawn wide, as a program that is run tells at once whether it is
right; each step opens a tree of its own."""
WIDEST = 32
BEAM = 3
WIDEST_BEAM = 8


def mode_and_width(argument: str) -> tuple[Mode, int]:
    """Read `[attempts|steps][:WIDTH]`.

    Raises:
        UsageError: it is something else.
    """
    word, _, number = argument.partition(":")
    if word.isdigit() and not number:
        word, number = "", word
    if word in ("", "attempts", "steps"):
        mode: Mode = "steps" if word == "steps" else "attempts"
        width = _number(number, WIDTHS[mode], WIDEST)
        if width is not None:
            return mode, width
    raise UsageError(f"'mcts' takes attempts or steps and a width from 1 to {WIDEST}, not {argument!r}.",
                     "Write for example mcts, mcts:steps or mcts:attempts:8.")


def beam_width(argument: str) -> int:
    """Read `[WIDTH]`.

    Raises:
        UsageError: it is something else.
    """
    width = _number(argument, BEAM, WIDEST_BEAM)
    if width is None:
        raise UsageError(f"'beam' takes a width from 1 to {WIDEST_BEAM}, not {argument!r}.",
                         f"Write for example beam:{BEAM}.")
    return width


def _number(text: str, default: int, most: int) -> int | None:
    if not text:
        return default
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most else None
