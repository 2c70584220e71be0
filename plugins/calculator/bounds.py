"""What a calculation may cost. Checked before anything large is computed."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import sympy

from agentfix import ToolError

sp: Any = sympy

MAX_CHARACTERS = 2_000
MAX_DEPTH = 40
"""Of parentheses, and of operations that can't be done from left to right."""
MAX_BITS = 13_000
"""About 3,900 digits: Python converts no more than 4,300 to text."""
MAX_NODES = 500
"""Of an expression that holds symbols."""
MAX_SYMBOLIC_NODES = 100
"""Of an expression to be solved, factored, expanded, integrated or differentiated."""
MAX_SYMBOLIC_POWER = 50
MAX_FACTORIAL = 1_000
MAX_EXPONENT = 10_000
"""Of exp, for which no exact result is computed."""
MAX_FACTORED_BITS = 100


def refuse(reason: str) -> NoReturn:
    """Raise the refusal that names a bound."""
    raise ToolError(f"Refused: {reason}", status="refused")


def bits(value: Any) -> float:
    """How many bits the numbers in an expression have together; a symbol counts as one."""
    total = 0.0
    for count, node in enumerate(sp.preorder_traversal(value)):
        if count > MAX_NODES:
            refuse(f"the expression has more than {MAX_NODES} parts.")
        if node.is_Rational:
            total += math.log2(max(abs(int(node.p)), int(node.q)))
        elif node.is_Atom:
            total += 1.0
    return total


def check_size(value: Any) -> Any:
    """Return a value that may be worked with further. Raises ToolError: it is too large."""
    if bits(value) > MAX_BITS:
        refuse(f"a number would have more than {MAX_BITS} bits (about 3,900 digits).")
    return value


def check_power(base: Any, exponent: Any) -> None:
    """Raises ToolError: `base ** exponent` would be too large."""
    if base in (0, 1, -1) or not exponent.is_number:
        return
    if not exponent.is_finite:
        raise ToolError("The exponent is not a finite number.")
    limit = MAX_BITS / max(bits(base), 0.5)
    if abs(exponent if exponent.is_Rational else sp.N(exponent, 10)) > limit:
        refuse(f"a power with more than {MAX_BITS} bits (about 3,900 digits) is not computed.")


def check_symbolic(value: Any) -> None:
    """Raises ToolError: the expression is too large for algebra."""
    for count, node in enumerate(sp.preorder_traversal(value)):
        if count >= MAX_SYMBOLIC_NODES:
            refuse(f"algebra is done on at most {MAX_SYMBOLIC_NODES} parts.")
        if node.is_Pow and node.exp.is_number and abs(sp.N(node.exp, 10)) > MAX_SYMBOLIC_POWER:
            refuse(f"algebra is done on powers up to {MAX_SYMBOLIC_POWER}.")
        if node.is_Pow and node.base.is_Add and node.exp.is_Integer and node.exp > 0:
            terms = math.comb(int(node.exp) + len(node.base.args) - 1, int(node.exp))
            if terms > MAX_NODES:
                refuse(f"a power that expands to more than {MAX_NODES} terms is not worked with.")
