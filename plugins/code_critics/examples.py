"""Examples of what a program should do: a call with literals and the value that it should give."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_BLOCK = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast.parse` raises for source that it can't read."""


@dataclass(frozen=True, slots=True)
class Example:
    """One call, and what it should give."""

    call: str
    """Its source."""
    expected: str
    """The source of a literal."""
    by: str = "=="
    """How the two are compared: `==` or `is`."""

    def __str__(self) -> str:
        return f"assert {self.call} {self.by} {self.expected}"


def examples_in(reply: str, name: str) -> list[Example]:
    """The asserts in a model's reply that compare one call of `name` with a literal. Others may be true of any program.

    Args:
        reply: with or without a code block.
        name: the function or class that is tested.
    """
    blocks: list[str] = _BLOCK.findall(reply)
    found = [example for line in _statements(blocks[-1] if blocks else reply) if (example := _example(line, name))]
    return list(dict.fromkeys(found))


def agreed(samples: Sequence[Sequence[Example]], most: int) -> list[Example]:
    """Of examples that several samples hold, those that most of them stand for. Where samples say as often that a call
    gives one thing as that it gives another, neither is kept.

    Args:
        samples: each with its examples.
        most: so many are kept, those of the most samples first.
    """
    said = Counter(example for sample in samples for example in dict.fromkeys(sample))
    by_call: dict[str, list[tuple[Example, int]]] = {}
    for example, count in said.items():
        by_call.setdefault(example.call, []).append((example, count))
    kept: list[tuple[Example, int]] = []
    for rivals in by_call.values():
        rivals.sort(key=lambda each: -each[1])
        if len(rivals) == 1 or rivals[0][1] > rivals[1][1]:
            kept.append(rivals[0])
    return [example for example, _ in sorted(kept, key=lambda each: -each[1])[:most]]


def name_to_test(question: str, programs: Sequence[str]) -> str | None:
    """The function or class that programs were asked for: one that the question names, else the one that most of them
    define last.

    Args:
        question: the task.
        programs: their sources; what can't be parsed defines nothing.
    """
    defined = [names for program in programs if (names := _defined(program))]
    asked = [name for names in defined for name in names if re.search(rf"\b{re.escape(name)}\b", question)]
    last = Counter(asked or [names[-1] for names in defined])
    return last.most_common(1)[0][0] if last else None


def _statements(source: str) -> list[ast.stmt]:
    """All of them; of a source that breaks off, or is not all Python, the lines that can be read."""
    try:
        return ast.parse(source).body
    except UNREADABLE:
        lines: list[ast.stmt] = []
        for line in source.splitlines():
            try:
                lines += ast.parse(line.strip()).body
            except UNREADABLE:
                continue
        return lines


def _example(node: ast.stmt, name: str) -> Example | None:
    match node:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            call, value = (left, right) if isinstance(left, ast.Call) else (right, left)
            if _is_plain_call(call, name) and _is_literal(value):
                return Example(ast.unparse(call), ast.unparse(value))
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Is()],
                                         comparators=[ast.Constant(True | False | None) as right])):
            if _is_plain_call(left, name):
                return Example(ast.unparse(left), ast.unparse(right), "is")
        case _:
            pass
    return None


def _is_plain_call(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called), args=args, keywords=keywords):
            named = all(keyword.arg for keyword in keywords)  # not f(**{...})
            return called == name and named and all(map(_is_literal, [*args, *(each.value for each in keywords)]))
        case _:
            return False


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (TypeError, *UNREADABLE):
        return False
    return True


def _defined(program: str) -> list[str]:
    try:
        body = ast.parse(program).body
    except UNREADABLE:
        return []
    return [n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
