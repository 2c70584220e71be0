"""One calculation, from text to text. Runs in the worker process."""

from __future__ import annotations

from typing import Any

from agentfix import ToolError

from .evaluate import Evaluator
from .reading import Token, parse, tokens
from .showing import Answer, show
from .units import Quantity, Units


def calculate(expression: str, to: str, units: Units) -> Answer:
    """Compute an expression.

    Args:
        expression: as the caller wrote it; may end in `to UNIT`.
        to: a unit to convert to; empty for none.
        units: the units there are.

    Raises:
        ToolError: it can't or won't be computed; says why.
    """
    found, target = _split(tokens(expression))
    if to and target:
        raise ToolError("Two target units are given: one in the expression and one in `to`.")
    target = tokens(to) if to else target
    if not found:
        raise ToolError("The expression is empty.")
    value = Evaluator(parse(found), units, wants_unit=bool(target)).value()
    return show(_converted(value, target, units) if target else value, units)


def _split(found: list[Token]) -> tuple[list[Token], list[Token]]:
    """Part the target unit from `... to UNIT`, or `... in UNIT` where that can't be an inch."""
    for index, token in enumerate(found):
        inside = 0 < index < len(found) - 1
        if token.text == "to" or (
            token.text == "in" and inside and found[index - 1].shape == found[index + 1].shape == "name"
        ):
            if not inside:
                raise ToolError("Write what to convert before `to`, and a unit after it.")
            return found[:index], found[index + 1 :]
    return found, []


def _converted(value: Any, target: list[Token], units: Units) -> Any:
    unit = Evaluator(parse(target), units, wants_unit=True).value()
    if not isinstance(value, Quantity) or not isinstance(unit, Quantity):
        raise ToolError("Only a quantity can be converted, and only to a unit.")
    if unit.magnitude != 1:
        raise ToolError("The target must be a unit alone, without a number.")
    return units.convert(value, unit.unit)
