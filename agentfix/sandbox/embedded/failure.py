"""What Monty says of a program that failed, bounded."""

from __future__ import annotations

from dataclasses import dataclass

import pydantic_monty as monty

from agentfix.sandbox.output import one_line

_TIME_LIMITS = ("TimeoutError: feed time limit exceeded", "TimeoutError: sleep limit exceeded")
_TRACED_CHARACTERS = 64 * 2**10
"""Of an exception with a longer message only the beginning of the message is kept, and no traceback made."""
_FRAMES = 20
"""A longer traceback is cut in its middle."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a program ended. Made in the thread that ran it: messages may be huge."""

    kind: type[monty.MontyError]
    message: str
    """In one line."""
    line: int | None = None
    """The innermost line of the program."""
    trace: str = ""
    """As CPython would print it."""
    cut: bool = False

    @classmethod
    def of(cls, error: monty.MontyError, code: str) -> Failure:
        """Take what is needed of an error.

        Args:
            error: as it was raised.
            code: the program; empty when its lines are not to be told.
        """
        text = str(error)
        cut = len(text) > _TRACED_CHARACTERS
        frames = error.traceback() if isinstance(error, monty.MontySyntaxError | monty.MontyRuntimeError) else []
        lines = code.splitlines()
        # The outermost frame is always of the program itself. Those of earlier cells have other names.
        own = [frame.line for frame in frames if frame.filename == frames[0].filename]
        line = own[-1] if own and 1 <= own[0] <= len(lines) else None
        trace = text[:_TRACED_CHARACTERS] if cut else f"{_traced(frames, lines)}{text}"
        return cls(type(error), one_line(text), line, trace, cut)

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit ended it."""
        return self.message.startswith(_TIME_LIMITS)

    @property
    def out_of_memory(self) -> bool:
        """Whether it ran out of memory, or said so."""
        return self.message.partition(":")[0] == "MemoryError"


def _traced(frames: list[monty.Frame], lines: list[str]) -> str:
    told: list[str] = []
    for frame in frames:
        own = frame.filename == frames[0].filename
        if own and frame.line > len(lines):
            continue  # the look at the program's value
        source = lines[frame.line - 1] if own else frame.source_line or ""
        told.append(f'  File "{"<program>" if own else "<earlier cell>"}", line {frame.line}, in '
                    f"{frame.function_name or '<module>'}\n    {source.strip()}\n")
    if len(told) > _FRAMES:
        told[_FRAMES // 2:-_FRAMES // 2] = [f"  [{len(told) - _FRAMES} more frames]\n"]
    return "".join(("Traceback (most recent call last):\n", *told))
