"""Python's regular expressions as grammars, by way of Python's own parser.

Only what is regular can be said. A grammar may say less than its expression, never more: of `\\d` and `\\w` it has the
characters that models write, so that a text which follows the grammar matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from agentfix.models.llamacpp.expressions import (
    ANYTHING,
    EMPTY,
    MOST_TIMES,
    Expression,
    Range,
    chars,
    choice,
    common,
    joined,
    repeated,
    sequence,
    without,
)

_Item: TypeAlias = tuple[Any, Any]
"""What Python's parser makes of a part: its operation and what belongs to it."""

_DIGITS: tuple[Range, ...] = ((0x30, 0x39),)
_WORD: tuple[Range, ...] = (
    *_DIGITS, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2C1), (0x386, 0x386),
    (0x388, 0x38A), (0x38E, 0x3A1), (0x3A3, 0x3F5), (0x400, 0x481), (0x48A, 0x52F), (0x5D0, 0x5EA), (0x620, 0x64A),
    (0x904, 0x939), (0xE01, 0xE30), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))
_SPACE: tuple[Range, ...] = ((0x09, 0x0D), (0x20, 0x20))
_NO_DIGITS: tuple[Range, ...] = (
    (0x01, 0x2F), (0x3A, 0x65F), (0x1D00, 0xA61F), (0xAC00, 0xD7FF), (0xE000, 0xFF0F), (0x1F000, 0x1FBEF))
_NO_WORD: tuple[Range, ...] = (
    (0x01, 0x2F), (0x3A, 0x40), (0x5B, 0x5E), (0x60, 0x60), (0x7B, 0xA9), (0xAB, 0xB1), (0xB6, 0xB8), (0xBB, 0xBB),
    (0xBF, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2010, 0x206F), (0x20A0, 0x20C0), (0x2190, 0x2426), (0x3001, 0x3004),
    (0xFF01, 0xFF0F), (0x1F300, 0x1FAFF))
_NO_SPACE = without([
    (0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)])
_CATEGORIES = {"DIGIT": (_DIGITS, _NO_DIGITS), "WORD": (_WORD, _NO_WORD), "SPACE": (_SPACE, _NO_SPACE)}
"""The characters of a class and of its contrary, as far as they are offered."""
_LAST_CASED = 0xFFFF
_STARTS, _ENDS = ("AT_BEGINNING", "AT_BEGINNING_STRING"), ("AT_END", "AT_END_STRING")
_NAMES = {
    "GROUPREF": "a backreference", "GROUPREF_EXISTS": "a conditional group", "ASSERT": "a lookaround",
    "ASSERT_NOT": "a negative lookaround", "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repetition", "AT_BOUNDARY": "a word boundary",
    "AT_NON_BOUNDARY": "a word boundary"}


class UnsupportedRegexError(ValueError):
    """It is no regular expression, or has something that no grammar can say."""


def expression_of(pattern: str, *, anywhere: bool = False) -> Expression:
    """What a regular expression matches.

    Args:
        pattern: in Python's syntax; named groups may also be written `(?<name>...)`.
        anywhere: it may match a part of the text, as `pattern` in JSON schema does, not only the whole.

    Raises:
        UnsupportedRegexError: says why there is none.
    """
    try:
        parsed = _parsed(pattern)
        flags = int(parsed.state.flags)
        items = cast(list[_Item], list(parsed))
        return _search(items, flags) if anywhere else _Translation(flags).sequence(items, True, True)
    except re.error as error:
        raise UnsupportedRegexError(f"it is not valid ({error})") from None
    except (OverflowError, RecursionError):
        raise UnsupportedRegexError("it is too large") from None


def _parsed(pattern: str) -> Any:
    parse = cast(Any, re)._parser.parse
    try:
        return parse(pattern)
    except re.error:  # JavaScript's named groups are no groups to Python
        return parse(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern))


def _search(items: list[_Item], flags: int) -> Expression:
    """Each alternative may have anchors of its own; where it has none, anything may stand."""
    if len(items) == 1:
        operation, argument = items[0]
        if str(operation) == "BRANCH":
            return choice(*(_search(list(option), flags) for option in argument[1]))
        if str(operation) == "SUBPATTERN" and not (argument[1] or argument[2]):
            return _search(list(argument[3]), flags)
    before = EMPTY if items and _is_anchor(items[0], _STARTS) else ANYTHING
    behind = EMPTY if items and _is_anchor(items[-1], _ENDS) else ANYTHING
    return sequence(before, _Translation(flags).sequence(items, before == EMPTY, behind == EMPTY), behind)


def _is_anchor(item: _Item, names: Iterable[str]) -> bool:
    return str(item[0]) == "AT" and str(item[1]) in names


class _Translation:
    """Of parts that are read with the same flags."""

    def __init__(self, flags: int) -> None:
        self._flags = flags

    def sequence(self, items: Iterable[_Item], first: bool, last: bool) -> Expression:
        """Parts one after the other.

        Args:
            items: the parts.
            first: the text begins here, so that an anchor says nothing.
            last: it ends here.
        """
        parts = list(items)
        while first and parts and _is_anchor(parts[0], _STARTS):
            del parts[0]
        while last and parts and _is_anchor(parts[-1], _ENDS):
            del parts[-1]
        end = len(parts) - 1
        return sequence(*(self._part(part, first and i == 0, last and i == end) for i, part in enumerate(parts)))

    def _part(self, item: _Item, first: bool, last: bool) -> Expression:
        operation, argument = str(item[0]), item[1]
        match operation:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return chars(self._one_of(operation, argument))
            case "BRANCH":
                return choice(*(self.sequence(option, first, last) for option in argument[1]))
            case "SUBPATTERN":
                _, added, removed, inner = argument
                return _Translation((self._flags | added) & ~removed).sequence(inner, first, last)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = argument
                if least > MOST_TIMES:
                    raise UnsupportedRegexError("it repeats something more than a million times")
                return repeated(self.sequence(inner, False, False), least, int(most))
            case "AT":
                name = _NAMES.get(str(argument), "an anchor where the text can't begin or end")
            case _:
                name = _NAMES.get(operation, operation)
        raise UnsupportedRegexError(f"it has {name}")

    # --- classes ----------------------------------------------------------------------------------------------------

    def _one_of(self, operation: str, argument: Any) -> tuple[Range, ...]:
        match operation:
            case "LITERAL":
                return self._folded([(argument, argument)])
            case "NOT_LITERAL":
                return without(self._folded([(argument, argument)]))
            case "ANY":
                return without([] if self._flags & re.DOTALL else [(0x0A, 0x0A)])
            case _:
                members = cast(list[_Item], argument)
                if str(members[0][0]) != "NEGATE":
                    return joined(each for member in members for each in self._member(member, False))
                return functools.reduce(common, (self._member(member, True) for member in members[1:]))

    def _member(self, member: _Item, contrary: bool) -> tuple[Range, ...]:
        operation, argument = str(member[0]), member[1]
        if operation == "CATEGORY":
            name = str(argument).removeprefix("CATEGORY_")
            kind = name.removeprefix("NOT_")
            is_contrary = contrary != (kind != name)
            if self._flags & re.ASCII:
                ascii_only = common(_CATEGORIES[kind][0], [(0, 0x7F)])
                return without(ascii_only) if is_contrary else ascii_only
            return _CATEGORIES[kind][is_contrary]
        ranges = self._folded([argument if operation == "RANGE" else (argument, argument)])
        return without(ranges) if contrary else ranges

    def _folded(self, ranges: list[Range]) -> tuple[Range, ...]:
        """With what only differs in case, where that is ignored."""
        if not self._flags & re.IGNORECASE:
            return joined(ranges)
        last_cased = 0x7F if self._flags & re.ASCII else _LAST_CASED
        return joined([*ranges, *((code, code) for first, last in ranges
                                  for one in range(first, min(last, last_cased) + 1)
                                  for code in _alike()[chr(one).casefold()] if code <= last_cased)])


@functools.cache
def _alike() -> dict[str, list[int]]:
    """The characters that are one when case is ignored."""
    found: dict[str, list[int]] = {}
    for code in range(_LAST_CASED + 1):
        found.setdefault(chr(code).casefold(), []).append(code)
    return found
