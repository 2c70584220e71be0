"""Quantities: an exact magnitude from sympy, a unit from pint. The one importer of pint."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pint
import sympy

from agentfix import ToolError

sp: Any = sympy
_NAME = re.compile(r"[A-Za-zµ°Ω][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit."""

    magnitude: Any
    unit: Any


@dataclass
class Units:
    """The units there are, with exact factors between them."""

    _registry: Any = field(init=False, repr=False)
    _pi: Fraction = field(init=False, repr=False)

    def __post_init__(self) -> None:
        exact: Any = Fraction
        self._registry = pint.UnitRegistry(non_int_type=exact)
        self._pi = Fraction(self._registry.Quantity(Fraction(1), "pi").to_base_units().magnitude)

    def find(self, name: str) -> Any | None:
        """The unit of that name or abbreviation, or None."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return self._registry.parse_units(name)
        except (pint.errors.PintError, AttributeError, ValueError):
            return None

    def convert(self, quantity: Quantity, unit: Any) -> Quantity:
        """The same quantity in another unit. Raises ToolError: the units measure different things."""
        magnitude = quantity.magnitude
        try:
            if self._offset(quantity.unit) or self._offset(unit):
                if not magnitude.is_Rational:
                    raise ToolError(f"Only a rational number of {quantity.unit} can be converted.")
                value = self._registry.Quantity(Fraction(int(magnitude.p), int(magnitude.q)), quantity.unit)
                return Quantity(_rational(value.to(unit).magnitude), unit)
            factor = self._registry.Quantity(Fraction(1), quantity.unit).to(unit).magnitude
        except pint.errors.PintError as error:
            raise ToolError(f"Can't convert {quantity.unit} to {unit}: {error}.") from None
        return Quantity(magnitude * self._exact(factor), unit)

    def multiply(self, left: Any, right: Any) -> Any:
        """Product of numbers and quantities."""
        if not isinstance(left, Quantity) and not isinstance(right, Quantity):
            return left * right
        if not isinstance(left, Quantity):
            return Quantity(left * right.magnitude, right.unit)
        if not isinstance(right, Quantity):
            return Quantity(left.magnitude * right, left.unit)
        self._reject_offsets(left, right)
        return self._reduced(Quantity(left.magnitude * right.magnitude, left.unit * right.unit))

    def power(self, base: Quantity, exponent: Any) -> Any:
        """A quantity to a rational power."""
        if not exponent.is_Rational or abs(exponent) > 20:
            raise ToolError("A quantity can be raised to a rational power up to 20.")
        power = Fraction(int(exponent.p), int(exponent.q))
        if power != 1:
            self._reject_offsets(base)
        return self._reduced(Quantity(base.magnitude**exponent, base.unit**power))

    def aligned(self, left: Any, right: Any) -> tuple[Any, Any, Any | None]:
        """Two magnitudes in the left one's unit, and that unit. Raises ToolError: they can't be compared or added."""
        if not isinstance(left, Quantity) and not isinstance(right, Quantity):
            return left, right, None
        if not isinstance(left, Quantity) or not isinstance(right, Quantity):
            raise ToolError("A number without a unit can't be added to or compared with a quantity.")
        self._reject_offsets(left, right)
        return left.magnitude, self.convert(right, left.unit).magnitude, left.unit

    def label(self, unit: Any) -> str:
        """A unit as people write it: `km/h`, `kg*m**2`."""
        items: Any = self._registry.Quantity(1, unit).unit_items()
        powers = [(f"{self._registry.Unit(name):~}", Fraction(power)) for name, power in items]
        above = "*".join(_powered(name, power) for name, power in powers if power > 0)
        below = "".join(f"/{_powered(name, -power)}" for name, power in powers if power < 0)
        return f"{above or '1'}{below}"

    def _reduced(self, quantity: Quantity) -> Any:
        """A plain number where the units cancel."""
        if not quantity.unit.dimensionless:
            return quantity
        return self.convert(quantity, self._registry.dimensionless).magnitude

    def _exact(self, factor: Fraction) -> Any:
        """A conversion factor, with the decimals that pint has for pi turned back into pi."""
        for power in (1, -1):
            rest = factor / self._pi**power
            if rest.denominator < factor.denominator and rest.numerator < 10**12:
                return _rational(rest) * sp.pi**power
        return _rational(factor)

    def _offset(self, unit: Any) -> bool:
        """Whether zero of it is not zero: a temperature scale."""
        return self._registry.Quantity(Fraction(0), unit).to_base_units().magnitude != 0

    def _reject_offsets(self, *quantities: Quantity) -> None:
        for quantity in quantities:
            if self._offset(quantity.unit):
                raise ToolError(f"{quantity.unit} is a scale with an offset: convert to kelvin first.")


def _powered(name: str, power: Fraction) -> str:
    if power == 1:
        return name
    return f"{name}**{power}" if power.denominator == 1 else f"{name}**({power})"


def _rational(value: Fraction | float) -> Any:
    exact = Fraction(value)
    return sp.Rational(exact.numerator, exact.denominator)
