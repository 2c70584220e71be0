"""Makes a program report the value of its last expression, cut before it leaves the interpreter."""

from __future__ import annotations

import ast
import warnings

from agentfix.sandbox.output import VALUE_BYTES

_NAME = "__value__"
_REPORT = f'\nNone if {_NAME} is None else f"{{{_NAME}!r:.{VALUE_BYTES + 1}}}"'


def reporting_value(code: str) -> str:
    """The program, as one whose own last expression is the bounded `repr` of what its last expression was.

    Its lines stay where they are. A program that ends in no expression, or that this host's CPython can't parse, ends
    in None; so does one that ends in a call of `print`, which costs less.
    """
    last = _last_expression(code)
    if last is None:
        return f"{code}\nNone"
    lines = code.encode().splitlines(keepends=True)  # as the parser counts them: only at \n and \r
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    whole = code.encode()
    begin = starts[last.lineno - 1] + last.col_offset
    end = starts[(last.end_lineno or last.lineno) - 1] + (last.end_col_offset or 0)
    return f"{whole[:begin].decode()}{_NAME} = ({whole[begin:end].decode()}){whole[end:].decode()}{_REPORT}"


def _last_expression(code: str) -> ast.Expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return None
    match body[-1:]:
        case [ast.Expr(value=ast.Call(func=ast.Name(id="print")))]:
            return None
        case [ast.Expr() as last]:
            return last
        case _:
            return None
