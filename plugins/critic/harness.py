"""Puts a program and its checks together: a program passes by reaching their end, and a failure says its values.

This stops accidents (a program that exits early, or does not parse) and cheap tricks. It does not stop a hostile
program: that runs in the same interpreter as its checks, and can change what they see.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentfix import Observation, defused

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
    held: float = 0.0
    """The share of the checks that held before the one that failed, where it is known."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A program followed by its checks.

    The last line stores a token made from the whole text, so a program that exits early has not passed.
    """

    code: str
    want: str
    token: str
    count: int
    """How many of the checks' statements can fail; with none, passing would mean nothing."""
    program_lines: int
    sources: dict[int, str]
    """The check that begins at each line after the program."""
    broken: Fault | None = None
    """Why the program is not to be run with its checks."""

    @property
    def runnable(self) -> bool:
        return self.count > 0 and self.broken is None

    def passed(self, observation: Observation) -> bool:
        return observation.ok and observation.data.get("value") == self.token

    def fault(self, observation: Observation) -> Fault:
        """Read what failed from the observation."""
        error = defused(str(observation.data.get("error") or observation.status))[:400]
        line = observation.data.get("line")
        if observation.ok:
            return Fault("the program ends before its checks are run", "Your code ends the program before it can be "
                         "tested. Define what is asked for and do nothing else.", True)
        if isinstance(line, int) and line > self.program_lines:
            starts = [start for start in self.sources if start <= line]
            check = self.sources[max(starts)] if starts else ""
            held = sum(start < max(starts, default=0) for start in self.sources) / len(self.sources)
            return Fault(f"{check[:160]} fails: {error[:160]}", f"This check fails:\n    {check}\n{error}", False, held)
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
    program_lines = len(lines)
    sources: dict[int, str] = {}
    count = 0
    for statement in (statement for check in checks for statement in _statements(check)):
        sources[len(lines) + 1] = statement.written
        lines += statement.run.splitlines()
        count += statement.can_fail
    text = "\n".join(lines)
    token = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
    return Harness(f"{text}\n{_MARK} = {token!r}\n", _MARK, token, count, program_lines, sources, _broken(program))


def assertions_in(reply: str, name: str) -> list[str]:
    """The asserts in a model's reply that hold a call of `name` with literals against a literal, each once.

    Anything else is dropped: an assert of another shape may be true of every program.
    """
    try:
        found = [ast.unparse(node) for node in ast.parse(last_block(reply)).body if _is_example(node, name)]
    except _UNREADABLE:
        return []
    return list(dict.fromkeys(found))


def _broken(program: str) -> Fault | None:
    """Why a program must not be joined with checks: its end would swallow them, or it plays with their token."""
    try:
        ast.parse(program)
    except _UNREADABLE as error:
        why = f"{type(error).__name__}: {error}"[:400]
        return Fault(f"the program is not valid Python: {why[:160]}", f"Your code is not valid Python:\n{why}", True)
    if _MARK in program:
        return Fault(f"the program names {_MARK!r}, which belongs to its checks",
                     f"Do not use the name {_MARK}. Define what is asked for and do nothing else.", True)
    return None


@dataclass(frozen=True, slots=True)
class _Statement:
    written: str
    run: str
    can_fail: bool


def _statements(check: str) -> list[_Statement]:
    """The statements of a check; one that can't be taken apart is run as it is."""
    try:
        body = [node for node in ast.parse(check).body if not _is_future(node)]
        return [_Statement(ast.unparse(node), _telling(node), _can_fail(node)) for node in body]
    except _UNREADABLE:
        return [_Statement(check, check, True)]


def _is_future(node: ast.stmt) -> bool:
    """Whether it is `from __future__ import ...`, which may stand only at the beginning of a file."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _can_fail(node: ast.stmt) -> bool:
    """Whether a statement checks something when it is run; what it only defines is not run."""
    match node:
        case ast.Assert() | ast.Raise():
            return True
        case ast.Expr(value=value):
            return any(isinstance(part, ast.Call) for part in ast.walk(value))
        case ast.If() | ast.For() | ast.While() | ast.Try() | ast.With():
            return any(_can_fail(child) for child in _inner(node))
        case _:
            return False


def _inner(node: ast.stmt | ast.ExceptHandler) -> list[ast.stmt]:
    """The statements in a compound one, its handlers' among them."""
    inner: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            inner.append(child)
        elif isinstance(child, ast.ExceptHandler):
            inner += _inner(child)
    return inner


def _is_example(node: ast.stmt, name: str) -> bool:
    match node:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            return ((_is_plain_call(left, name) and _is_literal(right))
                    or (_is_literal(left) and _is_plain_call(right, name)))
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(True | False | None)])):
            return _is_plain_call(left, name)
        case _:
            return False


def _is_plain_call(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called), args=args, keywords=keywords):
            return called == name and all(map(_is_literal, [*args, *(keyword.value for keyword in keywords)]))
        case _:
            return False


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, *_UNREADABLE):
        return False
    return True


def _telling(node: ast.stmt) -> str:
    match node:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None):
            got = f"_got = {ast.unparse(left)}"
            return f"{got}\nassert _got == ({ast.unparse(right)}), 'got ' + repr(_got)[:200]"
        case _:
            return ast.unparse(node)
