"""An exact replacement in a text."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from agentfix import ToolError

from .contents import Content, encoded, lines_of

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Edit:
    """What to replace in a file.

    Line ends follow the file: in one whose lines end as on Windows, a line end of the model's stands for that.
    """

    path: str
    old: str
    new: str
    everywhere: bool = False

    def apply(self, before: Content | None) -> bytes:
        """The file's new bytes.

        Args:
            before: the file; None when there is none.

        Raises:
            ToolError: the text does not stand there, or more than once.
        """
        if before is None:
            raise FileNotFoundError(self.path)
        text = before.text(self.path)
        old, new = self._in_lines_of(text)
        if not self.old:
            raise ToolError("Say what to replace: `old` is empty.")
        if old == new:
            raise ToolError("`old` and `new` are the same: nothing would change.")
        count = text.count(old)
        if count == 0:
            raise ToolError(f"{self.path} does not hold this text{_nearest(text, old)}. Read the file, and copy what "
                            "stands there exactly.")
        if count > 1 and not self.everywhere:
            raise ToolError(f"{self.path} holds this text {count} times, at lines {_lines(text, old)}: take in more of "
                            "what stands around it, or replace it everywhere.")
        return encoded(text.replace(old, new))

    def _in_lines_of(self, text: str) -> tuple[str, str]:
        if "\r\n" not in text or "\r" in self.old:
            return self.old, self.new
        return self.old.replace("\n", "\r\n"), self.new.replace("\r\n", "\n").replace("\n", "\r\n")


def _lines(text: str, old: str) -> str:
    found: list[int] = []
    at = text.find(old)
    while at >= 0 and len(found) < 5:
        found.append(text.count("\n", 0, at) + 1)
        at = text.find(old, at + len(old))
    return ", ".join(map(str, found))


def _nearest(text: str, old: str) -> str:
    """The line that is most like the first of what was looked for."""
    first = next((line.strip() for line in old.splitlines() if line.strip()), "")
    lines = {line.strip(): number for number, line in reversed(list(enumerate(lines_of(text), 1)))}
    near = difflib.get_close_matches(first[:_SHOWN], list(lines)[:2_000], n=1)
    return f"; line {lines[near[0]]} is {near[0][:_SHOWN]!r}" if near else ""
