"""Says what came out, exactly and in decimal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from agentfix import ToolError

from .dates import Day, Word
from .equations import Region, Solutions, region_pieces
from .units import Quantity, Units

sp: Any = sympy
_SHOWN = 400
_READABLE = 60
"""A longer fraction, or a root that has no formula, is shown in decimal only."""
_DIGITS = 15
_ENDS = {False: "<=", True: "<"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out."""

    text: str
    """For a reader: the exact value, and the decimal one where they differ."""
    exact: str
    decimal: str
    """To 15 digits; empty for an expression with variables."""


def show(value: Any, units: Units) -> Answer:
    """Words for a value. Raises ToolError: it is no result."""
    match value:
        case Quantity():
            shown = show(value.magnitude, units)
            unit = f" {units.label(value.unit)}"
            return Answer(shown.text + unit, shown.exact + unit, shown.decimal + unit if shown.decimal else "")
        case Day():
            return Answer(f"{value.date.isoformat()} ({value.weekday})", value.date.isoformat(), "")
        case Word():
            return Answer(value.text, value.text, "")
        case Region():
            return _region(value)
        case Solutions():
            return _any_of([_all_of(one) for one in value.found])
        case _ if isinstance(value, sp.Tuple):
            return _any_of([_number(one) for one in value])
        case _:
            return _number(value)


def _any_of(shown: Sequence[Answer]) -> Answer:
    if not shown:
        return Answer("no solution", "", "")
    apart = "; " if any(", " in one.exact for one in shown) else ", "
    return Answer(" or ".join(one.text for one in shown)[: 4 * _SHOWN], apart.join(one.exact for one in shown),
                  apart.join(one.decimal for one in shown) if all(one.decimal for one in shown) else "")


def _all_of(values: Sequence[tuple[str, Any]]) -> Answer:
    """One solution of a system."""
    shown = [(name, _number(value)) for name, value in values]
    return Answer(", ".join(f"{name} = {one.text}" for name, one in shown),
                  ", ".join(f"{name} = {one.exact}" for name, one in shown),
                  ", ".join(f"{name} = {one.decimal}" for name, one in shown)
                  if all(one.decimal for _, one in shown) else "")


def _region(region: Region) -> Answer:
    if region.where == sp.S.Reals:
        return Answer(f"every real {region.name}", "true", "")
    shown: list[Answer] = []
    for start, end, open_start, open_end in region_pieces(region.where):
        low, high = (None if abs(side) is sp.oo else _number(side) for side in (start, end))
        forms = [_between(region.name, low and getattr(low, form), high and getattr(high, form), open_start, open_end)
                 for form in ("text", "exact", "decimal")]
        shown.append(Answer(*forms))
    return _any_of(shown)


def _between(name: str, low: str | None, high: str | None, open_low: bool, open_high: bool) -> str:
    if low == high:
        return f"{name} = {low}"
    if low is None:
        return f"{name} {_ENDS[open_high]} {high}"
    if high is None:
        return f"{name} {_ENDS[open_low].replace('<', '>')} {low}"
    return f"{low} {_ENDS[open_low]} {name} {_ENDS[open_high]} {high}"


def _number(value: Any) -> Answer:
    if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise ToolError("The result is not a finite number.")
    if isinstance(value, sp.Rel):
        raise ToolError(f"{value} is neither true nor false for every value: use solve(..., x).")
    exact = str(value).lower() if value in (sp.true, sp.false) else str(value)
    # A product of prime powers is kept apart until here.
    decimal = decimal_of(value.doit()) if isinstance(value, sp.Expr) else ""
    if not decimal or decimal == exact:
        return Answer(_short(exact), exact, decimal)
    sign = "=" if _terminates(value.doit(), decimal) else "≈"
    if (value.is_Rational and not value.is_Integer and len(exact) > _READABLE) or value.has(sp.CRootOf):
        return Answer(f"{sign} {decimal}", exact, decimal)
    return Answer(f"{_short(exact)} ({sign} {decimal})", exact, decimal)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def decimal_of(value: Any) -> str:
    """A number to 15 digits; empty for what is none."""
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
