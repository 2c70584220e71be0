"""One calculation, from text to text. Runs in the worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from agentfix import ToolError

from .evaluate import Evaluator
from .reading import Token, parse, tokens
from .units import Quantity, Units

sp: Any = sympy
_SHOWN = 400
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out."""

    text: str
    """For a reader: the exact value, and the decimal one where they differ."""
    exact: str
    decimal: str
    """To 15 digits; empty for an expression with variables."""


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
    return _show(_converted(value, target, units) if target else value, units)


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


def _show(value: Any, units: Units) -> Answer:
    if isinstance(value, Quantity):
        shown = _show(value.magnitude, units)
        unit = f" {units.label(value.unit)}"
        return Answer(shown.text + unit, shown.exact + unit, shown.decimal + unit if shown.decimal else "")
    if isinstance(value, sp.Tuple):
        shown = [_show(one, units) for one in value]
        if not shown:
            return Answer("no solution", "", "")
        return Answer(" or ".join(one.text for one in shown)[: 4 * _SHOWN], ", ".join(one.exact for one in shown),
                      ", ".join(one.decimal for one in shown) if all(one.decimal for one in shown) else "")
    if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise ToolError("The result is not a finite number.")
    if isinstance(value, sp.Rel):
        raise ToolError(f"{value} is neither true nor false for every value: use solve(..., x).")
    exact = str(value).lower() if value in (sp.true, sp.false) else str(value)
    # A product of prime powers is kept apart until here.
    decimal = _decimal(value.doit()) if isinstance(value, sp.Expr) else ""
    text = exact if len(exact) <= _SHOWN else f"{exact[:_SHOWN]}… ({len(exact)} characters)"
    if decimal and decimal != exact:
        text += f" ({'=' if _terminates(value.doit(), decimal) else '≈'} {decimal})"
    return Answer(text, exact, decimal)


def _decimal(value: Any) -> str:
    if not value.is_number:
        return ""
    if value.is_Integer and abs(value) < 10**_DIGITS:
        return str(value)
    real, imaginary = sp.N(value, _DIGITS + 2).as_real_imag()
    text = _trimmed(real)
    if imaginary == 0:
        return text
    if real == 0:
        return f"{_trimmed(imaginary)}*I"
    return f"{text} {'-' if imaginary < 0 else '+'} {_trimmed(abs(imaginary))}*I"


def _trimmed(value: Any) -> str:
    mantissa, _, exponent = str(sp.N(value, _DIGITS)).partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa or '0'}{'e' if exponent else ''}{exponent}"


def _terminates(value: Any, decimal: str) -> bool:
    return bool(value.is_Rational) and sp.Rational(decimal) == value
