"""Strings as JSON writes them: from expressions over their characters to expressions over their text."""

from __future__ import annotations

import functools

from agentfix.models.llamacpp.expressions import (
    ANYTHING,
    EMPTY,
    NOTHING,
    Chars,
    Expression,
    Repeat,
    Sequence,
    chars,
    choice,
    common,
    lengths,
    repeated,
    replaced,
    sequence,
    text,
    without,
)
from agentfix.models.llamacpp.regexes import expression_of

_ESCAPES = {'"': '"', "\\": "\\", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
"""The only ones: with code points, a model could write half of a surrogate pair."""
_PLAIN = without([(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F)])

_MONTHS = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_DATE = rf"[12][0-9]{{3}}-({_MONTHS})"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"{_CLOCK}:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-]{_CLOCK})"
_BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9_+-]+"
_FORMATS = {
    "date": _DATE, "time": _TIME, "date-time": rf"{_DATE}T{_TIME}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ipv4": rf"({_BYTE}\.){{3}}{_BYTE}",
    "email": rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})+", "hostname": rf"{_LABEL}(\.{_LABEL})*",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]+",
}
"""What fits each format, though not all that does."""


def with_format(name: str) -> Expression | None:
    """The characters of a string of a format of JSON schema; None for one that is not known."""
    return expression_of(_FORMATS[name]) if name in _FORMATS else None


def quoted(characters: Expression) -> Expression:
    """A JSON string of such characters; NOTHING where none can be written."""
    return sequence(text('"'), replaced(characters, _written), text('"'))


@functools.lru_cache(maxsize=256)
def _written(one: Chars) -> Expression:
    letters = [ord(letter) for char, letter in _ESCAPES.items() if common(one.ranges, [(ord(char), ord(char))])]
    return choice(chars(common(one.ranges, _PLAIN)),
                  sequence(text("\\"), chars([(letter, letter) for letter in letters])))


def other_than(names: set[str]) -> Expression:
    """The characters of any text but these."""
    firsts = {name[0] for name in names if name}
    return choice(
        NOTHING if "" in names else EMPTY,
        sequence(chars(without((ord(first), ord(first)) for first in firsts)), ANYTHING),
        *(sequence(text(first), other_than({name[1:] for name in names if name[:1] == first}))
          for first in sorted(firsts)))


def limited(expression: Expression, least: int, most: int | None) -> Expression:
    """The same with a length between two bounds, None for no bound; unchanged where that can't be said so."""
    fewest, longest = lengths(expression)
    if (most is not None and fewest > most) or (longest is not None and longest < least):
        return NOTHING
    if fewest >= least and (most is None or (longest is not None and longest <= most)):
        return expression
    match expression:
        case Repeat(Chars() as item, at_least, at_most):
            bounds = [bound for bound in (at_most, most) if bound is not None]
            return repeated(item, max(at_least, least), min(bounds, default=None))
        case Sequence(parts):
            variable = [i for i, part in enumerate(parts) if len({*lengths(part)}) > 1]
            if len(variable) == 1:
                i = variable[0]
                rest = sum(lengths(part)[0] for j, part in enumerate(parts) if j != i)
                inner = limited(parts[i], max(0, least - rest), None if most is None else most - rest)
                return sequence(*parts[:i], inner, *parts[i + 1:])
            return expression
        case _:
            return expression
