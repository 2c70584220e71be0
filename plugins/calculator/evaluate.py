"""Walks a syntax tree and does only what it knows, with sympy objects. Nothing is ever evaluated as Python."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from agentfix import ToolError

from .bounds import MAX_DEPTH, check_power, check_size, refuse
from .dates import Day
from .functions import FUNCTIONS, SYMBOLIC
from .reading import Parsed, Token
from .units import Quantity, Units

sp: Any = sympy
CONSTANTS: Mapping[str, Any] = {"pi": sp.pi, "π": sp.pi, "e": sp.E, "E": sp.E, "I": sp.I}
_RELATIONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: sp.Eq, ast.NotEq: sp.Ne, ast.Lt: sp.Lt, ast.LtE: sp.Le, ast.Gt: sp.Gt, ast.GtE: sp.Ge,
}


@dataclass
class Evaluator:
    """Computes the value of one parsed expression.

    Args:
        parsed: the tree and its leaves.
        units: the units there are.
        wants_unit: a conversion is asked for, so names are units.
    """

    parsed: Parsed
    units: Units
    wants_unit: bool = False

    def value(self) -> Any:
        """A sympy object or a Quantity. Raises ToolError."""
        return self._visit(self.parsed.tree, 0)

    @cached_property
    def _names_are_units(self) -> bool:
        """A name is a unit or a variable, for a whole expression at once."""
        names = [leaf.text for leaf in self.parsed.leaves if leaf.kind == "name"]
        if SYMBOLIC.intersection(names):
            return False
        loose = [name for name in names if name not in CONSTANTS and name not in FUNCTIONS]
        return self.wants_unit or (bool(loose) and all(self.units.find(name) is not None for name in loose))

    def _visit(self, node: ast.expr, depth: int) -> Any:
        if depth > MAX_DEPTH:
            refuse(f"the expression is nested more than {MAX_DEPTH} deep.")
        match node:
            case ast.Name():
                return self._leaf(self.parsed.leaf(node.id))
            case ast.BinOp():
                return self._chain(node, depth)
            case ast.UnaryOp(op=ast.USub()):
                return self.units.multiply(sp.Integer(-1), _calculable(self._visit(node.operand, depth + 1)))
            case ast.UnaryOp(op=ast.UAdd()):
                return self._visit(node.operand, depth + 1)
            case ast.Call(func=ast.Name(), keywords=[]):
                return self._call(node, depth)
            case ast.Compare(ops=[operator], comparators=[right]):
                return self._compare(operator, self._visit(node.left, depth + 1), self._visit(right, depth + 1))
            case _:
                raise ToolError("Refused: only numbers, names, operators, one comparison and calls are allowed.",
                                status="refused")

    def _chain(self, node: ast.BinOp, depth: int) -> Any:
        """A long sum nests to the left: walk it in a loop, so that depth counts real nesting only."""
        pending: list[tuple[ast.operator, ast.expr]] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            pending.append((left.op, left.right))
            left = left.left
        value = self._visit(left, depth + 1)
        for operator, right in reversed(pending):
            value = self._operate(operator, value, self._visit(right, depth + 1))
            check_size(value.magnitude if isinstance(value, Quantity) else value)
        return value

    def _operate(self, operator: ast.operator, left: Any, right: Any) -> Any:
        for operand in (left, right):
            _calculable(operand)
        match operator:
            case ast.Add() | ast.Sub() | ast.Mod() | ast.FloorDiv():
                return self._additive(operator, left, right)
            case ast.Mult():
                return self.units.multiply(left, right)
            case ast.Div():
                return self.units.multiply(left, self._inverse(right))
            case ast.Pow():
                return self._power(left, right)
            case _:
                raise ToolError("Refused: this operator is not one of + - * / // % **.", status="refused")

    def _additive(self, operator: ast.operator, left: Any, right: Any) -> Any:
        a, b, unit = self.units.aligned(left, right)
        if isinstance(operator, ast.Add | ast.Sub):
            total = a + b if isinstance(operator, ast.Add) else a - b
            return total if unit is None else Quantity(total, unit)
        if b == 0:
            raise ToolError("Division by zero.")
        if isinstance(operator, ast.FloorDiv):
            return sp.floor(a / b)
        rest = a - b * sp.floor(a / b) if a.is_number and b.is_number else sp.Mod(a, b)
        return rest if unit is None else Quantity(rest, unit)

    def _inverse(self, value: Any) -> Any:
        if (value.magnitude if isinstance(value, Quantity) else value) == 0:
            raise ToolError("Division by zero.")
        return self._power(value, sp.Integer(-1))

    def _power(self, base: Any, exponent: Any) -> Any:
        if isinstance(exponent, Quantity):
            raise ToolError("An exponent can't have a unit.")
        check_power(base.magnitude if isinstance(base, Quantity) else base, exponent)
        if isinstance(base, Quantity):
            return self.units.power(base, exponent)
        if base == 0 and exponent.is_negative:
            raise ToolError("Division by zero.")
        return base**exponent

    def _compare(self, operator: ast.cmpop, left: Any, right: Any) -> Any:
        relation = _RELATIONS.get(type(operator))
        if relation is None:
            raise ToolError("Refused: compare with == != < <= > >= only.", status="refused")
        a, b, _ = self.units.aligned(_calculable(left), _calculable(right))
        if a.is_number and b.is_number and not (a.is_Rational and b.is_Rational):
            # Without this, two forms of one irrational number would compare as an open question.
            a, b = sp.simplify(a - b), sp.Integer(0)
        try:
            return relation(a, b)
        except TypeError:
            raise ToolError(f"{left} and {right} have no order.") from None

    def _call(self, node: ast.Call, depth: int) -> Any:
        assert isinstance(node.func, ast.Name)
        name = self.parsed.leaf(node.func.id).text
        function = FUNCTIONS.get(name)
        if function is None:
            near = difflib.get_close_matches(name, FUNCTIONS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(FUNCTIONS))}."
            raise ToolError(f"There is no function {name!r}. {hint}")
        if not function.least <= len(node.args) <= function.most:
            raise ToolError(f"{name} takes {function.least} to {function.most} arguments, not {len(node.args)}.")
        values = [self._visit(argument, depth + 1) for argument in node.args]
        if function.takes_days:
            return function.apply(*values)
        if any(isinstance(value, Quantity) for value in values):
            return self._of_quantities(name, values)
        if any(not isinstance(value, sp.Basic) for value in values):
            raise ToolError(f"{name} takes numbers: a day, or what solve found, is none.")
        try:
            result = function.apply(*values)
            return check_size(result) if isinstance(result, sp.Basic) else result
        except (TypeError, ValueError, NotImplementedError, ArithmeticError) as error:
            raise ToolError(f"{name} can't be computed here: {str(error)[:200]}") from None

    def _of_quantities(self, name: str, values: list[Any]) -> Any:
        """The few functions that make sense with units."""
        if name == "sqrt":
            return self._power(values[0], sp.Rational(1, 2))
        if name not in ("abs", "min", "max"):
            raise ToolError(f"{name} takes numbers without a unit.")
        magnitudes = [self.units.aligned(values[0], value)[1] for value in values]
        return Quantity(FUNCTIONS[name].apply(*magnitudes), values[0].unit)

    def _leaf(self, leaf: Token) -> Any:
        if leaf.kind == "number":
            return number(leaf.text)
        if leaf.kind == "day":
            return Day.read(leaf.text)
        if leaf.text in CONSTANTS:
            return CONSTANTS[leaf.text]
        if leaf.text in FUNCTIONS:
            raise ToolError(f"{leaf.text} is a function: write {leaf.text}(...).")
        if not self._names_are_units:
            return sp.Symbol(leaf.text)
        unit = self.units.find(leaf.text)
        if unit is None:
            raise ToolError(f"There is no unit {leaf.text!r}.")
        return Quantity(sp.Integer(1), unit)


def _calculable(value: Any) -> Any:
    """Raises ToolError: it is no number or quantity."""
    if not isinstance(value, (Quantity, sp.Expr)):
        raise ToolError("Arithmetic needs numbers: a day, a comparison or what solve found is none.")
    return value


def number(text: str) -> Any:
    """An exact rational from decimal text, perhaps with a percent sign."""
    digits, _, exponent = text.rstrip("%").lower().partition("e")
    if len(digits) > 1_500 or len(exponent) > 5 or abs(int(exponent or 0)) > 3_500:
        refuse("a number has more than 1,500 digits or an exponent above 3,500.")
    value = Fraction(digits) * Fraction(10) ** int(exponent or 0) / (100 if text.endswith("%") else 1)
    return check_size(sp.Rational(value.numerator, value.denominator))
