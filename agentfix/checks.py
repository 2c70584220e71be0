"""Reads the caller's own checks out of Python source, as people and test runners write them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from agentfix.errors import InputError
from agentfix.types import Check

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SILENT = (*_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
"""Statements that check nothing by themselves, whatever they call."""


def as_run(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Checks so that running them checks: functions named `test_...` that nothing calls are called at the end.

    Args:
        checks: of a task.

    Raises:
        InputError: one is not Python, has tests that can't be called plainly, or all of them check nothing.
    """
    run: list[Check] = []
    found = False
    for check in checks:
        body = _parsed(check.source, check.name)
        calls = {node.value.func.id for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
                 and isinstance(node.value.func, ast.Name)}
        uncalled = not calls.issuperset(_test_functions(body, check.name))
        run += [replace(checks_in(check.source, check.name)[0], name=check.name)] if uncalled else [check]
        found = found or uncalled or any(map(_can_fail, body))
    if run and not found:
        raise InputError("The task's checks check nothing.", "Write assertions: Check('assert double(2) == 4').")
    return tuple(run)


def checks_in(source: str, name: str) -> tuple[Check, ...]:
    """The checks in a source: assertions, or functions named `test_...`, which are called at its end.

    Args:
        source: Python.
        name: where it comes from, for messages: a file.

    Raises:
        InputError: it is not Python, checks nothing, or has tests that can't be called plainly.
    """
    body = _parsed(source, name)
    _refuse_uncalled(body, name)
    tests = _test_functions(body, name)
    if not tests and not any(map(_can_fail, body)):
        raise InputError(f"{name} checks nothing.", "Write assertions in it, or functions named test_... that assert.")
    calls = "".join(f"{test}()\n" for test in tests)
    return (Check(f"{source.rstrip()}\n{calls}", PurePath(name).name),)


def _parsed(source: str, name: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = str(error) or "it is nested too deeply"
        raise InputError(f"{name} is not valid Python: {said}.", "Mend it first.") from error


def _refuse_uncalled(body: list[ast.stmt], name: str) -> None:
    """Shapes of tests that a test runner would call, and nothing does here."""
    called = {part.func.id for node in body for part in ast.walk(node)
              if not _defines_check(node) and isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    for node in body:
        if isinstance(node, ast.ClassDef) and any(
                isinstance(part, _FUNCTIONS) and part.name.startswith("test") for part in node.body):
            raise InputError(f"{name} line {node.lineno}: the tests in class {node.name!r} are not called.",
                             "Write plain functions named test_... that assert.")
        if _defines_check(node) and "check" not in called:
            raise InputError(f"{name} line {node.lineno}: 'check' is not called.", "Call it: check(your_function).")


def _defines_check(node: ast.stmt) -> bool:
    """HumanEval's shape: `def check(candidate): ...`."""
    return isinstance(node, _FUNCTIONS) and node.name == "check" and bool(node.args.args)


def _can_fail(node: ast.stmt) -> bool:
    """Whether running a statement checks something: it asserts, raises or calls."""
    return not isinstance(node, _SILENT) and any(
        isinstance(part, ast.Assert | ast.Raise | ast.Call) for part in ast.walk(node))


def _test_functions(body: list[ast.stmt], name: str) -> list[str]:
    """Names of the tests. One that was only defined and never called would pass whatever the answer is."""
    names: list[str] = []
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        needed = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
        if isinstance(node, ast.AsyncFunctionDef) or needed or None in node.args.kw_defaults:
            raise InputError(f"{name} line {node.lineno}: {node.name!r} can't be called as {node.name}().",
                             "Tests are plain functions without arguments; fixtures are not supported.")
        names.append(node.name)
    return names
