"""Reads the caller's question and checks from where they are: an argument, a file, standard input."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from agentfix.errors import InputError
from agentfix.types import Check

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SILENT = (*_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
"""Statements that check nothing by themselves, whatever they call."""


def read_question(argument: str | None, file: Path | None) -> str:
    """The question, whole and stripped.

    Args:
        argument: the question itself; `-` for standard input.
        file: a file that holds it.

    Raises:
        InputError: there is none, there are two, it is empty, or it can't be read as UTF-8.
    """
    if argument is not None and file is not None:
        raise InputError("The question was given twice.", "Give it as an argument or with --file.")
    if file is not None:
        text, source = _decode(_read(file), str(file)), str(file)
    elif argument == "-":
        text, source = _decode(sys.stdin.buffer.read(), "Standard input"), "Standard input"
    elif argument is not None:
        text, source = _decode(argument.encode("utf-8", "surrogateescape"), "The question"), "The question"
    else:
        raise InputError("No question was given.", "Write it after 'agentfix run', or '-' to read standard input.")
    if not text.strip():
        raise InputError(f"{source} is empty.", "Ask something.")
    return text.strip()


def read_checks(file: Path | None) -> tuple[Check, ...]:
    """The caller's own checks from a Python file. Functions named `test_...` are called at its end.

    Raises:
        InputError: it can't be read, is not Python, checks nothing, or has tests that can't be called plainly.
    """
    if file is None:
        return ()
    source = _decode(_read(file), str(file))
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = str(error) or "it is nested too deeply"
        raise InputError(f"{file} is not valid Python: {said}.", "Mend it first.") from error
    _refuse_uncalled(body, file)
    tests = _test_functions(body, file)
    if not tests and not any(map(_can_fail, body)):
        raise InputError(f"{file} checks nothing.", "Write assertions in it, or functions named test_... that assert.")
    calls = "".join(f"{name}()\n" for name in tests)
    return (Check(f"{source.rstrip()}\n{calls}", file.name),)


def _refuse_uncalled(body: list[ast.stmt], file: Path) -> None:
    """Shapes of tests that a test runner would call, and nothing does here."""
    called = {part.func.id for node in body for part in ast.walk(node)
              if not _defines_check(node) and isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    for node in body:
        if isinstance(node, ast.ClassDef) and any(
                isinstance(part, _FUNCTIONS) and part.name.startswith("test") for part in node.body):
            raise InputError(f"{file} line {node.lineno}: the tests in class {node.name!r} are not called.",
                             "Write plain functions named test_... that assert.")
        if _defines_check(node) and "check" not in called:
            raise InputError(f"{file} line {node.lineno}: 'check' is not called.", "Call it: check(your_function).")


def _defines_check(node: ast.stmt) -> bool:
    """HumanEval's shape: `def check(candidate): ...`."""
    return isinstance(node, _FUNCTIONS) and node.name == "check" and bool(node.args.args)


def _can_fail(node: ast.stmt) -> bool:
    """Whether running a statement checks something: it asserts, raises or calls."""
    return not isinstance(node, _SILENT) and any(
        isinstance(part, ast.Assert | ast.Raise | ast.Call) for part in ast.walk(node))


def _test_functions(body: list[ast.stmt], file: Path) -> list[str]:
    """Names of the tests. One that was only defined and never called would pass whatever the answer is."""
    names: list[str] = []
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        needed = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
        if isinstance(node, ast.AsyncFunctionDef) or needed or None in node.args.kw_defaults:
            raise InputError(f"{file} line {node.lineno}: {node.name!r} can't be called as {node.name}().",
                             "Tests are plain functions without arguments; fixtures are not supported.")
        names.append(node.name)
    return names


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror or error}.") from error


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8: byte {error.start} is {data[error.start]:#04x}.",
                         "Convert it to UTF-8.") from error
