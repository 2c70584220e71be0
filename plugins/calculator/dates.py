"""Days of the calendar: how far apart they are, what comes after, which day of the week."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sympy

from agentfix import ToolError

sp: Any = sympy


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the Gregorian calendar, years 1 to 9999."""

    date: date

    @classmethod
    def read(cls, text: str) -> Day:
        """From `2024-01-31`. Raises ToolError: there is no such day."""
        try:
            return cls(date.fromisoformat(text))
        except ValueError as error:
            raise ToolError(f"{text} is no day: {error}.") from None

    @property
    def weekday(self) -> str:
        return calendar.day_name[self.date.weekday()]


@dataclass(frozen=True, slots=True)
class Word:
    """A result that is no number."""

    text: str


def _day(value: Any, name: str) -> date:
    if not isinstance(value, Day):
        raise ToolError(f"{name} takes a day such as 2024-01-31, not {value}.")
    return value.date


def _count(value: Any, name: str) -> int:
    if not getattr(value, "is_Integer", False):
        raise ToolError(f"{name} takes a whole number as its second argument, not {value}.")
    return int(value)


def _days_between(start: Any, end: Any) -> Any:
    return sp.Integer((_day(end, "days_between") - _day(start, "days_between")).days)


def _months_between(start: Any, end: Any) -> Any:
    """Whole months; a month is over on the same day of the next, or on its last day."""
    first, last = _day(start, "months_between"), _day(end, "months_between")
    if last < first:
        return -_months_between(end, start)
    months = 12 * (last.year - first.year) + last.month - first.month
    return sp.Integer(months - (_later(first, months) > last))


def _add_days(start: Any, count: Any) -> Day:
    day, days = _day(start, "add_days"), _count(count, "add_days")
    try:
        return Day(day + timedelta(days=days))
    except OverflowError:
        raise ToolError("The calendar goes from year 1 to year 9999.") from None


def _add_months(start: Any, count: Any) -> Day:
    return Day(_later(_day(start, "add_months"), _count(count, "add_months")))


def _weekday(day: Any) -> Word:
    return Word(Day(_day(day, "weekday")).weekday)


def _later(day: date, months: int) -> date:
    """So many months later, on the same day, or on the last one of a shorter month."""
    year, month = divmod(12 * day.year + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ToolError("The calendar goes from year 1 to year 9999.")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


DATES: Mapping[str, tuple[Callable[..., Any], int]] = {
    "days_between": (_days_between, 2), "months_between": (_months_between, 2), "add_days": (_add_days, 2),
    "add_months": (_add_months, 2), "weekday": (_weekday, 1),
}
"""By name, each with its number of arguments."""
