"""Solves equations, systems of them, and inequalities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from agentfix import ToolError

from .bounds import check_symbolic, refuse

sp: Any = sympy
MAX_UNKNOWNS = 5


@dataclass(frozen=True, slots=True)
class Solutions:
    """Of a system: for each solution, the values by the names of the unknowns."""

    found: tuple[tuple[tuple[str, Any], ...], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Of inequalities: where they hold."""

    name: str
    where: Any
    """A set of real numbers."""


def solve(*given: Any) -> Any:
    """Values of one unknown (as a Tuple), `Solutions` of several, or the `Region` where inequalities hold.

    Args:
        given: equations, inequalities, expressions that are to be zero; then the unknowns, which may be left out.
    """
    statements = [one for one in given if not one.is_Symbol]
    unknowns = [one for one in given if one.is_Symbol]
    if not statements:
        raise ToolError("solve needs an equation: solve(2*x + 3 = 7, x).")
    for statement in statements:
        check_symbolic(statement)
    free = set[Any]().union(*(statement.free_symbols for statement in statements))
    unknowns = list(dict.fromkeys(unknowns)) or sorted(free, key=str)
    if len(unknowns) > MAX_UNKNOWNS or len(statements) > 2 * MAX_UNKNOWNS:
        refuse(f"systems of at most {MAX_UNKNOWNS} unknowns and {2 * MAX_UNKNOWNS} equations are solved.")
    if any(isinstance(one, sp.Rel) and not isinstance(one, sp.Eq) for one in statements):
        return _region(statements, unknowns, free)
    if len(statements) > 1:
        return _system(statements, unknowns)
    if len(unknowns) != 1:
        raise ToolError("solve needs one variable to solve for: solve(2*x + y = 7, x).")
    solutions = sp.solve(statements[0], unknowns[0], dict=False)
    if not isinstance(solutions, list):
        raise ToolError(f"The solution is no list of values: {str(solutions)[:200]}.")
    return sp.Tuple(*solutions)


def _system(statements: list[Any], unknowns: list[Any]) -> Any:
    if any(one == sp.false for one in statements):
        return Solutions(())
    found: list[dict[Any, Any]] = sp.solve([one for one in statements if one != sp.true], unknowns, dict=True)
    if len(unknowns) == 1:
        return sp.Tuple(*(one[unknowns[0]] for one in found if unknowns[0] in one))
    return Solutions(tuple(tuple((str(name), one[name]) for name in unknowns if name in one) for one in found))


def _region(statements: list[Any], unknowns: list[Any], free: set[Any]) -> Region:
    """Each inequality apart, and what they have in common."""
    if len(unknowns) != 1 or not free <= set(unknowns):
        raise ToolError("Inequalities are solved for one variable: solve(x**2 < 4, x > 0, x).")
    where: Any = sp.S.Reals
    for statement in statements:
        if statement.has(sp.functions.elementary.trigonometric.TrigonometricFunction):
            raise ToolError("Inequalities with sin, cos or tan are not solved.")
        if isinstance(statement, sp.Rel) and not isinstance(statement, sp.Eq):
            one = sp.solve_univariate_inequality(statement, unknowns[0], relational=False)
        else:
            one = sp.solveset(statement, unknowns[0], sp.S.Reals)
        where = where.intersect(one)
    return Region(str(unknowns[0]), where)


def region_pieces(where: Any) -> list[tuple[Any, Any, bool, bool]]:
    """A set of numbers as intervals: from, to, and whether each end is left out.

    Raises:
        ToolError: it is made of other pieces.
    """
    if where is sp.S.EmptySet:
        return []
    if isinstance(where, sp.Interval) or where is sp.S.Reals:
        return [(where.start, where.end, bool(where.left_open), bool(where.right_open))]
    if isinstance(where, sp.FiniteSet):
        return [(point, point, False, False) for point in sorted(where.args, key=lambda point: sp.N(point))]
    if isinstance(where, sp.Union):
        pieces = [piece for part in where.args for piece in region_pieces(part)]
        return sorted(pieces, key=lambda piece: sp.N(piece[0]))
    raise ToolError(f"Where it holds can't be said in intervals: {str(where)[:200]}.")
