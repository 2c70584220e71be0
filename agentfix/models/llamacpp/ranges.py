"""Numbers between bounds, as JSON writes them."""

from __future__ import annotations

from fractions import Fraction

from agentfix.models.llamacpp.expressions import (
    EMPTY,
    NOTHING,
    Expression,
    chars,
    choice,
    optional,
    repeated,
    sequence,
    text,
)

_DIGITS = 16
"""As many as a double can tell apart; numbers without a bound get no more, so that none runs on for ever."""
_PLACES = 6
"""Digits after the point of a number between bounds."""
_ONE = 10**_PLACES

DIGIT = chars([(0x30, 0x39)])
_FROM_ONE = chars([(0x31, 0x39)])
_NATURAL = choice(text("0"), sequence(_FROM_ONE, repeated(DIGIT, 0, _DIGITS - 1)))
_FRACTION = sequence(text("."), repeated(DIGIT, 1, _DIGITS))
_EXPONENT = sequence(chars([(ord("E"), ord("E")), (ord("e"), ord("e"))]),
                     optional(choice(text("+"), text("-"))), repeated(DIGIT, 1, 2))


def integers(least: Fraction | None, most: Fraction | None, *, exclusive: tuple[bool, bool]) -> Expression:
    """The integers between two bounds, None for no bound.

    Args:
        least: the lower bound.
        most: the upper one.
        exclusive: whether each bound is itself out.
    """
    low = None if least is None else -(-least // 1) + (exclusive[0] and least % 1 == 0)
    high = None if most is None else most // 1 - (exclusive[1] and most % 1 == 0)
    above = _naturals(max(low or 0, 0), high) if high is None or high >= 0 else NOTHING
    below = _naturals(max(-high, 1) if high is not None else 1, None if low is None else -low)
    return choice(above, sequence(text("-"), below))


def numbers(least: Fraction | None, most: Fraction | None, *, exclusive: tuple[bool, bool]) -> Expression:
    """The same for numbers; only those of a few digits after the point, where there is a bound other than zero."""
    if least is None and most is None:
        return sequence(optional(text("-")), _NATURAL, optional(_FRACTION), optional(_EXPONENT))
    low = None if least is None else -(-least * _ONE // 1) + (exclusive[0] and least * _ONE % 1 == 0)
    high = None if most is None else most * _ONE // 1 - (exclusive[1] and most * _ONE % 1 == 0)
    above = _decimals(max(low or 0, 0), high) if high is None or high >= 0 else NOTHING
    below = _decimals(max(-high, 1) if high is not None else 1, None if low is None else -low)
    return choice(above, sequence(text("-"), below))


def _decimals(low: int, high: int | None) -> Expression:
    """Numbers from low to high millionths, neither below zero."""
    if high is not None and high < low:
        return NOTHING
    first, after_first = divmod(low, _ONE)
    some = optional(sequence(text("."), repeated(DIGIT, 1, _PLACES)))
    if high is None:
        return choice(_with_fraction(first, after_first, _ONE - 1), sequence(_naturals(first + 1, None), some))
    last, before_last = divmod(high, _ONE)
    if first == last:
        return _with_fraction(first, after_first, before_last)
    return choice(_with_fraction(first, after_first, _ONE - 1), sequence(_naturals(first + 1, last - 1), some),
                  _with_fraction(last, 0, before_last))


def _with_fraction(whole: int, low: int, high: int) -> Expression:
    """A whole number and so many millionths, written with up to six digits."""
    if (low, high) == (0, _ONE - 1):
        return sequence(text(str(whole)), optional(sequence(text("."), repeated(DIGIT, 1, _PLACES))))
    options: list[Expression] = [EMPTY] if low == 0 else []
    for places in range(1, _PLACES + 1):
        unit = 10 ** (_PLACES - places)
        fewest, most = -(-low // unit), high // unit
        if fewest <= most:
            options.append(sequence(text("."), _between(str(fewest).zfill(places), str(most).zfill(places))))
    return sequence(text(str(whole)), choice(*options))


def _naturals(low: int, high: int | None) -> Expression:
    """Whole numbers from low, above zero or zero, to high."""
    if high is None:
        digits = len(str(low))
        longer = sequence(_FROM_ONE, repeated(DIGIT, digits, max(_DIGITS, digits + 1) - 1))
        return choice(_naturals(low, 10**digits - 1), longer)
    options: list[Expression] = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        first, last = max(low, 10 ** (digits - 1) if digits > 1 else 0), min(high, 10**digits - 1)
        if first <= last:
            options.append(_between(str(first), str(last)))
    return choice(*options)


def _between(low: str, high: str) -> Expression:
    """The digits from one text to another of the same length."""
    if not low:
        return EMPTY
    first, last, rest = int(low[0]), int(high[0]), len(low) - 1
    if first == last:
        return sequence(text(low[0]), _between(low[1:], high[1:]))
    options: list[Expression] = []
    if low[1:] != "0" * rest:
        options.append(sequence(text(low[0]), _between(low[1:], "9" * rest)))
        first += 1
    last_whole = high[1:] == "9" * rest
    last -= not last_whole
    if first <= last:
        options.append(sequence(chars([(0x30 + first, 0x30 + last)]), repeated(DIGIT, rest, rest)))
    if not last_whole:
        options.append(sequence(text(high[0]), _between("0" * rest, high[1:])))
    return choice(*options)
