"""Reads tests, without running anything of them."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from agentfix import ToolError

_LEFT_OUT = frozenset({"program", "solution", "main", "your_module", "my_module", "module", "__future__"})
"""What tests call the module of the program, whose names they know anyway; and what may stand only at the beginning."""
_FRAMEWORKS = frozenset({"pytest", "unittest", "hypothesis"})


@dataclass(frozen=True)
class Tests:
    """Tests as they were given."""

    __test__ = False

    text: str
    """Without imports of the program itself; its lines have the numbers that they had."""
    tree: ast.Module

    @property
    def need_pytest(self) -> bool:
        """Whether they use more than plain functions with `assert`."""
        return any(_needs_pytest(node) for node in self.tree.body)

    def line(self, number: int | None) -> str:
        """A line of them, from 1; empty for none."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if number is not None and 1 <= number <= len(lines) else ""


def read(tests: str) -> Tests:
    """Parse tests. Raises ToolError: they are no Python, or none."""
    text = tests.replace("\r\n", "\n")
    tree = _parsed(text)
    text = _without(text, [node for node in tree.body if _imports_program(node) or _runs_itself(node)])
    return Tests(text, _parsed(text))


def importable(program: str) -> str:
    """A program as it is when it is imported: without what it does only when it is run itself. Raises SyntaxError."""
    return _without(program, [node for node in _ast(program).body if _runs_itself(node)])


def is_test(node: ast.AST) -> bool:
    """Whether it is a function that is a test by its name."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def fault_of(program: str) -> str:
    """Why a program can't be joined with tests, which its end would swallow; empty when it can."""
    try:
        _ast(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" at line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        return f"{type(error).__name__}{line}: {said}"[:300]
    return ""


def _without(source: str, nodes: list[ast.stmt]) -> str:
    """A source whose lines keep their numbers."""
    lines = source.split("\n")
    for node in nodes:
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[number - 1] = ""
    return "\n".join(lines)


def _parsed(tests: str) -> ast.Module:
    try:
        tree = _ast(tests)
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise ToolError(f"The tests are not valid Python: {line}{error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise ToolError("The tests are not valid Python.") from None
    return tree


def _ast(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _imports_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.level > 0 or node.module in _LEFT_OUT)


def _runs_itself(node: ast.stmt) -> bool:
    """`if __name__ == "__main__": ...`."""
    return isinstance(node, ast.If) and any(isinstance(part, ast.Name) and part.id == "__name__"
                                            for part in ast.walk(node.test))


def _needs_pytest(node: ast.stmt) -> bool:
    match node:
        case ast.Import(names=names):
            return any(name.name.split(".")[0] in _FRAMEWORKS for name in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] in _FRAMEWORKS
        case ast.ClassDef(name=name):
            return name.startswith("Test")
        case ast.AsyncFunctionDef():
            return is_test(node)
        case ast.FunctionDef(args=args, decorator_list=decorators):
            taken = len(args.posonlyargs) + len(args.args) - len(args.defaults)
            return is_test(node) and bool(decorators or taken > 0 or args.kwonlyargs)
        case _:
            return False
