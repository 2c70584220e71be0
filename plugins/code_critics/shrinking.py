"""Smaller calls of the same function: what fails on a small input is easier to understand (delta debugging: Zeller and
Hildebrandt, 2002).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, cast

MOST = 40
"""So many smaller calls are tried."""


def smaller(call: str) -> list[str]:
    """Calls of the same function with smaller literals, the smallest first: each argument keeps its type.

    Args:
        call: the source of a call whose arguments are literals.
    """
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    holders = [*node.args, *(keyword.value for keyword in node.keywords)]
    start = tuple(ast.literal_eval(holder) for holder in holders)
    seen = {repr(start)}
    found: list[tuple[Any, ...]] = []
    queue = [start]
    while queue and len(found) < MOST:
        for values in _one_smaller(queue.pop(0)):
            if repr(values) not in seen and len(found) < MOST:
                seen.add(repr(values))
                found.append(values)
                queue.append(values)
    calls = [_written(node, values) for values in found]
    return sorted(calls, key=lambda each: (len(each), each))


def _written(node: ast.Call, values: Sequence[Any]) -> str:
    count = len(node.args)
    given = [repr(value) for value in values[:count]]
    named = [f"{keyword.arg}={value!r}" for keyword, value in zip(node.keywords, values[count:], strict=True)]
    return f"{ast.unparse(node.func)}({', '.join([*given, *named])})"


def _one_smaller(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for place, value in enumerate(values):
        for less in _less(value):
            yield (*values[:place], less, *values[place + 1:])


def _less(value: object) -> Iterator[object]:
    """Smaller values of the same type, the boldest first."""
    match value:
        case bool() | None:
            pass
        case int():
            yield from (half for half in dict.fromkeys((0, 1, int(value / 2))) if abs(half) < abs(value))
        case str() | bytes():
            yield from _shorter(value)
        case list():
            yield from _shorter(cast("list[Any]", value))
            yield from map(list, _one_smaller(tuple(cast("list[Any]", value))))
        case tuple():
            yield from _shorter(cast("tuple[Any, ...]", value))
            yield from _one_smaller(cast("tuple[Any, ...]", value))
        case dict():
            items = list(cast("dict[Any, Any]", value).items())
            yield from (dict(items[:place] + items[place + 1:]) for place in range(len(items)))
        case _:
            pass


def _shorter(value: Any) -> Iterator[Any]:
    """Both halves, then without each single part."""
    middle = len(value) // 2
    if middle:
        yield value[:middle]
        yield value[middle:]
    yield from (value[:place] + value[place + 1:] for place in range(min(len(value), 8)))
