"""The functions an expression may call, each with its own bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from agentfix import ToolError

from . import equations, finance
from .bounds import MAX_BITS, MAX_EXPONENT, MAX_FACTORED_BITS, MAX_FACTORIAL, bits, check_power, check_symbolic, refuse
from .dates import DATES

sp: Any = sympy


@dataclass(frozen=True, slots=True)
class Function:
    """How to call one, and with how many arguments."""

    apply: Callable[..., Any]
    least: int = 1
    most: int = 1
    takes_days: bool = False


def _integer(value: Any, name: str) -> int:
    if not value.is_Integer:
        raise ToolError(f"{name} takes whole numbers, not {value}.")
    return int(value)


def _symbol(value: Any, name: str) -> Any:
    if not value.is_Symbol:
        raise ToolError(f"{name} needs the name of a variable, not {value}.")
    return value


def _factorial(value: Any) -> Any:
    n = _integer(value, "factorial")
    if n > MAX_FACTORIAL:
        refuse(f"factorial is computed up to {MAX_FACTORIAL}.")
    if n < 0:
        raise ToolError("factorial is not defined for negative numbers.")
    return sp.Integer(math.factorial(n))


def _binomial(n: Any, k: Any) -> Any:
    above, below = _integer(n, "binomial"), _integer(k, "binomial")
    if above < 0 or below < 0:
        raise ToolError("binomial takes numbers from 0.")
    if min(below, max(above - below, 0)) * above.bit_length() > MAX_BITS:
        refuse(f"a binomial coefficient with more than {MAX_BITS} bits is not computed.")
    return sp.Integer(math.comb(above, below))


def _exp(value: Any) -> Any:
    if value.is_number and abs(sp.N(value, 10)) > MAX_EXPONENT:
        refuse(f"exp is computed up to {MAX_EXPONENT}.")
    return sp.exp(value)


def _log(base: int) -> Callable[[Any], Any]:
    def log(value: Any) -> Any:
        return sp.log(value, base)

    return log


def _root(degree: int) -> Callable[[Any], Any]:
    def root(value: Any) -> Any:
        check_power(value, sp.Rational(1, degree))
        return value ** sp.Rational(1, degree)

    return root


def _round(value: Any, digits: Any = sp.Integer(0)) -> Any:
    """To the nearest, halves to the even neighbour."""
    places = _integer(digits, "round")
    if not value.is_real or abs(places) > 1_000:
        raise ToolError("round takes a real number and at most 1000 digits.")
    if value.is_Rational:
        exact = round(Fraction(int(value.p), int(value.q)), places)
        return sp.Rational(exact.numerator, exact.denominator)
    return sp.floor(value * 10**places + sp.Rational(1, 2)) / sp.Integer(10) ** places


def _fold(pairwise: Callable[[int, int], int], name: str) -> Callable[..., Any]:
    def fold(*values: Any) -> Any:
        result = _integer(values[0], name)
        for value in values[1:]:
            result = pairwise(result, _integer(value, name))
            if result.bit_length() > MAX_BITS:
                refuse(f"a number with more than {MAX_BITS} bits is not computed.")
        return sp.Integer(result)

    return fold


def _factor(value: Any) -> Any:
    if value.is_Integer:
        if bits(value) > MAX_FACTORED_BITS:
            refuse(f"numbers of up to {MAX_FACTORED_BITS} bits are factored.")
        primes = {sp.Integer(prime): power for prime, power in sp.factorint(int(value)).items()}
        return sp.Mul(*(sp.Pow(p, e, evaluate=False) if e > 1 else p for p, e in primes.items()), evaluate=False)
    check_symbolic(value)
    return sp.factor(value)


def _diff(value: Any, symbol: Any, order: Any = sp.Integer(1)) -> Any:
    check_symbolic(value)
    times = _integer(order, "diff")
    if not 0 < times <= 10:
        refuse("diff is computed up to the 10th order.")
    return sp.diff(value, _symbol(symbol, "diff"), times)


def _integrate(value: Any, symbol: Any, *between: Any) -> Any:
    check_symbolic(value)
    variable = _symbol(symbol, "integrate")
    if len(between) == 1:
        raise ToolError("integrate takes both ends: integrate(x**2, x, 0, 1).")
    result = sp.integrate(value, (variable, *between) if between else variable)
    if result.has(sp.Integral):
        raise ToolError("No closed form was found for the integral.")
    return result


def _algebra(name: str) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        check_symbolic(value)
        return getattr(sp, name)(value)

    return apply


def _extreme(name: str) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        if not all(value.is_number and value.is_real for value in values):
            raise ToolError(f"{name.lower()} takes real numbers.")
        return getattr(sp, name)(*values)

    return apply


FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(getattr(sp, name)) for name in
       ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "floor")},
    "abs": Function(sp.Abs), "ceil": Function(sp.ceiling), "exp": Function(_exp),
    "sqrt": Function(_root(2)), "cbrt": Function(_root(3)),
    "log": Function(sp.log, 1, 2), "ln": Function(sp.log), "log2": Function(_log(2)), "log10": Function(_log(10)),
    "factorial": Function(_factorial), "binomial": Function(_binomial, 2, 2), "round": Function(_round, 1, 2),
    "gcd": Function(_fold(math.gcd, "gcd"), 2, 20), "lcm": Function(_fold(math.lcm, "lcm"), 2, 20),
    "min": Function(_extreme("Min"), 1, 100), "max": Function(_extreme("Max"), 1, 100),
    "solve": Function(equations.solve, 1, 3 * equations.MAX_UNKNOWNS),
    "simplify": Function(_algebra("simplify")), "expand": Function(_algebra("expand")),
    "factor": Function(_factor), "diff": Function(_diff, 2, 3), "integrate": Function(_integrate, 2, 4),
    "compound": Function(finance.compound, 3, 3), "payment": Function(finance.payment, 3, 3),
    "npv": Function(finance.npv, 2, finance.MAX_FLOWS + 1), "irr": Function(finance.irr, 2, finance.MAX_FLOWS),
    **{name: Function(apply, count, count, takes_days=True) for name, (apply, count) in DATES.items()},
}
SYMBOLIC = frozenset({"solve", "simplify", "expand", "factor", "diff", "integrate"})
"""A name in an expression with one of these is a variable, never a unit."""
