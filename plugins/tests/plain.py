"""Makes one program of a program and its plain tests. It runs in every sandbox: it needs nothing but the language.

Each test is tried apart from the others. Before each statement of a test its line is noted, for the embedded sandbox
has no tracebacks to look at.
"""

from __future__ import annotations

import ast
from typing import cast

from .source import Tests, is_test

RESULTS = "_tests_results"
_AT = "_tests_at"
_BLOCKS = ("body", "orelse", "finalbody")
_SHOWN = 200


def joined(program: str, tests: Tests) -> str:
    """The source to run. It leaves a JSON list of [name, line, message] in `_tests_results`: the message of a test that
    passed is empty, and only the first that failed has a full one."""
    lines = [f"{_AT} = [0]", f"{RESULTS} = []"]
    for node in tests.tree.body:
        lines += _tried(f"line {node.lineno}", node) if _can_fail(node) else [ast.unparse(_noted(node))]
    for node in tests.tree.body:
        if is_test(node):
            lines += _attempt(cast("ast.FunctionDef", node).name, f"{cast('ast.FunctionDef', node).name}()")
    lines += ["import json as _tests_json", f"{RESULTS} = _tests_json.dumps({RESULTS})"]
    return "\n".join([program, *lines, ""])


def _can_fail(node: ast.stmt) -> bool:
    """Whether a statement at the top is a test by itself."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Expr) and any(isinstance(part, ast.Call) for part in ast.walk(node.value)))


def _tried(name: str, node: ast.stmt) -> list[str]:
    told = _telling([node])
    return _attempt(name, ast.unparse(ast.Module(told, [])))


def _attempt(name: str, statement: str) -> list[str]:
    inner = [f"    {line}" for line in statement.split("\n")]
    said = "type(_tests_error).__name__ + ': ' + str(_tests_error)[:400]"
    return ["try:", *inner, "except BaseException as _tests_error:",
            f"    _tests_first = not [each for each in {RESULTS} if each[2]]",
            f"    {RESULTS}.append([{name!r}, {_AT}[0], {said} if _tests_first else 'failed'])",
            "else:", f"    {RESULTS}.append([{name!r}, {_AT}[0], ''])"]


def _noted(node: ast.stmt) -> ast.stmt:
    """A statement whose tests, if it defines one, note their lines."""
    if is_test(node):
        function = cast("ast.FunctionDef", node)
        function.body = _telling(function.body)
    return node


def _telling(body: list[ast.stmt]) -> list[ast.stmt]:
    """The same statements, each after a note of its line, and comparisons that say what they compared."""
    told: list[ast.stmt] = []
    for node in body:
        for block in _BLOCKS:
            inner = getattr(node, block, None)
            if inner and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                setattr(node, block, _telling(inner))
        for handler in getattr(node, "handlers", []):
            handler.body = _telling(handler.body)
        told += ast.parse(f"{_AT}[0] = {node.lineno}").body
        told += _comparing(node)
    return told


def _comparing(node: ast.stmt) -> list[ast.stmt]:
    match node:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None):
            return ast.parse(
                f"_tests_got = {ast.unparse(left)}\n_tests_wanted = {ast.unparse(right)}\n"
                f"assert _tests_got == _tests_wanted, 'got ' + repr(_tests_got)[:{_SHOWN}] + ', not ' + "
                f"repr(_tests_wanted)[:{_SHOWN}]").body
        case ast.Assert(test=test, msg=None):
            return ast.parse(f"assert {ast.unparse(test)}, {(ast.unparse(test) + ' is not true')[:_SHOWN]!r}").body
        case _:
            return [node]
