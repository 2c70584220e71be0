"""Puts a program and its checks together: passing can't be claimed, only earned, and a failure says its values."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentfix import Observation

from .blocks import last_block

_MARK = "_checks_passed"
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast.parse` raises for source that it can't read."""
_DEFINITION_ERRORS = ("SyntaxError", "IndentationError", "NameError", "ImportError", "ModuleNotFoundError")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, for evidence and for the reviser."""

    summary: str
    feedback: str
    in_program: bool
    """The program itself failed before any check ran."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A program followed by its checks.

    The last line stores a token made from the whole text, so a program that exits early, or sets a variable of its own,
    has not passed.
    """

    code: str
    want: str
    token: str
    count: int
    program_lines: int
    sources: dict[int, str]
    """The check that begins at each line after the program."""

    def passed(self, observation: Observation) -> bool:
        return observation.ok and observation.data.get("value") == self.token

    def fault(self, observation: Observation) -> Fault:
        """Read what failed from the observation."""
        error = str(observation.data.get("error") or observation.status)[:400]
        line = observation.data.get("line")
        if observation.ok:
            return Fault("the program ends before its checks are run", "Your code ends the program before it can be "
                         "tested. Define what is asked for and do nothing else.", True)
        if isinstance(line, int) and line > self.program_lines:
            starts = [start for start in self.sources if start <= line]
            check = self.sources[max(starts)] if starts else ""
            return Fault(f"{check[:160]} fails: {error[:160]}", f"This check fails:\n    {check}\n{error}", False)
        lines = self.code.splitlines()
        at = f" at line {line}:\n    {lines[line - 1].strip()}" if isinstance(line, int) and line >= 1 else ""
        checks = "\n".join(f"    {source}" for source in list(self.sources.values())[:3])
        return Fault(f"running the code ends with {error[:160]}",
                     f"Your code failed{at}\n{error}\nwhile it was tested with:\n{checks}", not self._reached(error))

    def _reached(self, error: str) -> bool:
        """Whether a failure inside the program may come from a check's call; only errors at definition time do not."""
        return not error.startswith(_DEFINITION_ERRORS)


def build(program: str, checks: Sequence[str]) -> Harness:
    """Join a program with its checks.

    Args:
        program: source of the attempt.
        checks: sources that raise when the program is wrong; `assert a == b` is made to say what `a` was.
    """
    lines = re.split(r"\r\n|\r|\n", program) if program else []
    if lines and lines[-1].endswith("\\"):
        lines.append("")  # or the first check would continue the program's last line
    program_lines = len(lines)
    sources: dict[int, str] = {}
    count = 0
    for check in checks:
        for source, shown in _statements(check):
            sources[len(lines) + 1] = source
            lines += shown.splitlines()
            count += 1
    text = "\n".join(lines)
    token = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
    return Harness(f"{text}\n{_MARK} = {token!r}\n", _MARK, token, count, program_lines, sources)


def assertions_in(reply: str, name: str) -> list[str]:
    """The plain assert statements in a model's reply that call `name`; anything else is dropped."""
    try:
        body = ast.parse(last_block(reply)).body
    except _UNREADABLE:
        return []
    return [
        ast.unparse(node) for node in body
        if isinstance(node, ast.Assert) and any(
            isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == name
            for part in ast.walk(node))
    ]


def _statements(check: str) -> list[tuple[str, str]]:
    """(as written, as run) for each statement of a check; a check that does not parse is run as it is."""
    try:
        body = ast.parse(check).body
    except _UNREADABLE:
        return [(check, check)]
    return [(ast.unparse(node), _telling(node)) for node in body]


def _telling(node: ast.stmt) -> str:
    match node:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None):
            got = f"_got = {ast.unparse(left)}"
            return f"{got}\nassert _got == ({ast.unparse(right)}), 'got ' + repr(_got)[:200]"
        case _:
            return ast.unparse(node)
