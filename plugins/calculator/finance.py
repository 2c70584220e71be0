"""Money over time. A rate is for one period, as a fraction: 5% and 0.05 are the same."""

from __future__ import annotations

from typing import Any

import sympy

from agentfix import ToolError

from .bounds import check_power

sp: Any = sympy
MAX_FLOWS = 60


def compound(principal: Any, rate: Any, periods: Any) -> Any:
    """What a sum grows to."""
    return principal * _growth(rate, periods, "compound")


def payment(principal: Any, rate: Any, periods: Any) -> Any:
    """What is paid at the end of each period, so that a loan is paid off by the last."""
    if not periods.is_Integer or periods < 1:
        raise ToolError(f"payment takes a whole number of periods from 1, not {periods}.")
    if rate == 0:
        return principal / periods
    return principal * rate / (1 - 1 / _growth(rate, periods, "payment"))


def npv(rate: Any, *flows: Any) -> Any:
    """What flows of money are worth today; the first of them is of today."""
    return sum((flow / _growth(rate, sp.Integer(period), "npv") for period, flow in enumerate(flows)), sp.Integer(0))


def irr(*flows: Any) -> Any:
    """The rates above -100% at which flows of money are worth nothing today; the first flow is of today."""
    if not all(flow.is_Rational for flow in flows):
        raise ToolError("irr takes numbers.")
    if all(flow >= 0 for flow in flows) or all(flow <= 0 for flow in flows):
        raise ToolError("irr needs money that goes out (negative) and money that comes in.")
    discount = sp.Symbol("discount")
    worth = sp.Poly(list(reversed(flows)), discount)
    # Of the discount factors, which are 1/(1 + rate), only those above 0 belong to a rate above -100%.
    rates = [1 / root - 1 for root in dict.fromkeys(worth.real_roots()) if root > 0]
    return sp.Tuple(*rates) if len(rates) != 1 else rates[0]


def _growth(rate: Any, periods: Any, name: str) -> Any:
    if not (rate.is_number and periods.is_number):
        raise ToolError(f"{name} takes numbers.")
    if not rate > -1:
        raise ToolError(f"{name} takes a rate above -100%.")
    check_power(1 + rate, periods)
    return (1 + rate) ** periods
