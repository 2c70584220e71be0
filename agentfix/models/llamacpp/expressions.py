"""Grammars as expressions over characters, and their text as GBNF, for llama.cpp, or as a regular expression.

A grammar that llama.cpp refuses is told of on stderr and a dead end in one ends the process, so none is written here
that has a class without characters, a loop over nothing, or more repetitions than llama.cpp takes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""The first and the last code point."""

MOST_TIMES = 10**6
"""No completion is longer: more repetitions need not be told apart."""
_MOST_COPIES = 1000
"""llama.cpp makes a rule for each repetition of a bounded one, and refuses 2000."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character, of ranges that are sorted and apart; see `chars`."""

    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """So many times; `most` is None for no limit."""

    item: Expression
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule says, by its name; never nothing at all."""

    name: str


Expression: TypeAlias = Chars | Sequence | Choice | Repeat | Rule

EMPTY = Sequence(())
NOTHING = Choice(())
"""What no text satisfies; only ever a whole expression, never a part of one."""


# --- sets of characters -----------------------------------------------------------------------------------------------

_POSSIBLE: tuple[Range, ...] = ((1, 0xD7FF), (0xE000, 0x10FFFF))
"""No token holds half a surrogate pair, and llama.cpp ends texts at a zero."""


def joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges, sorted and apart."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)


def common(one: Iterable[Range], other: Iterable[Range]) -> tuple[Range, ...]:
    """What lies in both."""
    others = joined(other)
    return tuple((max(a, c), min(b, d)) for a, b in joined(one) for c, d in others if max(a, c) <= min(b, d))


def without(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """All code points but these."""
    kept: list[Range] = []
    start = 0
    for first, last in joined(ranges):
        if start < first:
            kept.append((start, first - 1))
        start = last + 1
    return (*kept, (start, 0x10FFFF)) if start <= 0x10FFFF else tuple(kept)


# --- making expressions -----------------------------------------------------------------------------------------------

def chars(ranges: Iterable[Range]) -> Expression:
    """One character of these; NOTHING where no text can hold any."""
    possible = common(ranges, _POSSIBLE)
    return Chars(possible) if possible else NOTHING


def text(literal: str) -> Expression:
    """Exactly this."""
    return sequence(*(chars([(ord(char), ord(char))]) for char in literal))


def sequence(*parts: Expression) -> Expression:
    """One after the other."""
    if NOTHING in parts:
        return NOTHING
    flat = [each for part in parts for each in (part.parts if isinstance(part, Sequence) else (part,))]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(*options: Expression) -> Expression:
    """Any of them."""
    flat = [each for option in options for each in (option.options if isinstance(option, Choice) else (option,))]
    different = list(dict.fromkeys(flat))
    return different[0] if len(different) == 1 else Choice(tuple(different))


def repeated(item: Expression, least: int, most: int | None) -> Expression:
    """So many times, `most` being None for no limit. What is far longer than a completion is not counted."""
    most = None if most is None or most > MOST_TIMES else most
    if least > MOST_TIMES or (most is not None and most < least):
        return NOTHING
    if item in (NOTHING, EMPTY) or most == 0:
        return NOTHING if item == NOTHING and least else EMPTY
    if isinstance(item, Repeat) and item.least <= 1:  # else a matcher would follow each way to divide them
        longest = None if most is None or item.most is None else most * item.most
        return repeated(item.item, least * item.least, longest)
    return item if least == most == 1 else Repeat(item, least, most)


def one_of(texts: Iterable[str]) -> Expression:
    """Any of these; what they begin with alike is there once, since a matcher follows each way on its own."""
    by_first: dict[str, list[str]] = {}
    for each in texts:
        by_first.setdefault(each[:1], []).append(each)
    return choice(*(_one_of_alike(each) for each in by_first.values()))


def _one_of_alike(texts: list[str]) -> Expression:
    alike = sum(1 for _ in itertools.takewhile(lambda chars: len({*chars}) == 1, zip(*texts, strict=False)))
    if len(texts) == 1 or not alike:
        return text(texts[0])
    return sequence(text(texts[0][:alike]), one_of(each[alike:] for each in texts))


def optional(item: Expression) -> Expression:
    return repeated(item, 0, 1)


ANYTHING = repeated(chars(_POSSIBLE), 0, None)


def replaced(expression: Expression, leaf: Callable[[Chars], Expression]) -> Expression:
    """The expression with something else for each of its characters."""
    match expression:
        case Chars():
            return leaf(expression)
        case Sequence(parts):
            return sequence(*(replaced(part, leaf) for part in parts))
        case Choice(options):
            return choice(*(replaced(option, leaf) for option in options))
        case Repeat(item, least, most):
            return repeated(replaced(item, leaf), least, most)
        case Rule():
            return expression


def lengths(expression: Expression) -> tuple[int, int | None]:
    """The fewest and the most characters, None for no limit; of what has no rules."""
    match expression:
        case Chars() | Rule():
            return 1, 1
        case Sequence(parts):
            each = [lengths(part) for part in parts]
            most = [m for _, m in each if m is not None]
            return sum(least for least, _ in each), sum(most) if len(most) == len(each) else None
        case Choice(options):
            each = [lengths(option) for option in options]
            most = [m for _, m in each if m is not None]
            return min(least for least, _ in each), max(most) if len(most) == len(each) else None
        case Repeat(item, least, most):
            fewest, longest = lengths(item)
            return fewest * least, None if most is None or longest is None else longest * most


def nullable(expression: Expression) -> bool:
    """Whether nothing at all satisfies it."""
    match expression:
        case Chars() | Rule():
            return False
        case Sequence(parts):
            return all(map(nullable, parts))
        case Choice(options):
            return any(map(nullable, options))
        case Repeat(item, least, _):
            return least == 0 or nullable(item)


def nonempty(expression: Expression) -> Expression:
    """The same without the empty text."""
    match expression:
        case Sequence(parts) if nullable(expression):  # by which of them is the first that is not empty
            return choice(*(sequence(nonempty(part), *parts[i + 1:]) for i, part in enumerate(parts)))
        case Choice(options):
            return choice(*map(nonempty, options))
        case Repeat(item, least, most) if nullable(expression):
            return repeated(nonempty(item), 1 if nullable(item) else max(1, least), most)
        case _:
            return expression


# --- writing them -----------------------------------------------------------------------------------------------------

def as_gbnf(root: Expression, rules: Mapping[str, Expression]) -> str:
    """A grammar for llama.cpp.

    Args:
        root: what the whole text must satisfy.
        rules: those it may refer to, by name.

    Raises:
        LookupError: no text satisfies it, or it refers to a rule that is not there.
    """
    if root == NOTHING:
        raise LookupError("root")
    writer = _Writer({"root": ""})
    writer.rules["root"] = writer.choice(root)
    while wanted := writer.wanted:
        name = wanted.pop()
        writer.rules[name] = writer.choice(rules[name])
    return "".join(f"{name} ::= {body}\n" for name, body in writer.rules.items())


@dataclass
class _Writer:
    """Gives every repetition a rule of its own: llama.cpp copies what is repeated, and counts the rules in it."""

    rules: dict[str, str]
    wanted: list[str] = field(default_factory=list[str])
    """Rules that are referred to and not written yet."""
    _names: dict[Repeat, str] = field(default_factory=dict[Repeat, str])

    def choice(self, expression: Expression) -> str:
        options = expression.options if isinstance(expression, Choice) else (expression,)
        return " | ".join(map(self.sequence, options))

    def sequence(self, expression: Expression) -> str:
        parts = expression.parts if isinstance(expression, Sequence) else (expression,)
        written, literal = list[str](), ""
        for part in parts:
            single = isinstance(part, Chars) and len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]
            if isinstance(part, Chars) and single:
                literal += _escaped(part.ranges[0][0], " !#$%&'()*+,-./:;<=>?@[]^_`{|}~")
                continue
            written += [f'"{literal}"'] if literal else []
            written.append(self.part(part))
            literal = ""
        written += [f'"{literal}"'] if literal or not parts else []
        return " ".join(written)

    def part(self, expression: Expression) -> str:
        match expression:
            case Chars(ranges):
                return "[" + "".join(_escaped(a) + ("" if a == b else "-" + _escaped(b)) for a, b in ranges) + "]"
            case Rule(name):
                if name not in self.rules:
                    self.rules[name] = ""
                    self.wanted.append(name)
                return name
            case Repeat():
                return self.repeat(expression)
            case Sequence() | Choice():
                return f"({self.choice(expression)})"

    def repeat(self, repeat: Repeat) -> str:
        known = self._names.get(repeat)
        if known is None:
            known = self._names[repeat] = f"repeat-{len(self._names)}"
            self.rules[known] = self._repeat(repeat)
        return known

    def _repeat(self, repeat: Repeat) -> str:
        smaller = _in_blocks(repeat)
        if smaller is not repeat:
            return self.choice(smaller)
        item, least = repeat.item, repeat.least
        if nullable(item):
            item, least = nonempty(item), 0
        most = "" if repeat.most is None else repeat.most
        times = {(0, ""): "*", (1, ""): "+", (0, 1): "?"}.get((least, most), f"{{{least},{most}}}")
        return self.part(item) + times


def _in_blocks(repeat: Repeat) -> Expression:
    """The same with fewer repetitions of blocks, which llama.cpp would refuse one by one."""
    item, least, most = repeat.item, repeat.least, repeat.most
    if least > _MOST_COPIES:
        size = math.isqrt(least)
        return sequence(_times(item, size, least // size), repeated(item, least % size, least % size),
                        repeated(item, 0, None if most is None else most - least))
    if most is not None and most > _MOST_COPIES:
        size = math.isqrt(most - least)
        blocks, rest = divmod(most - least, size)
        return sequence(repeated(item, least, least), choice(
            sequence(repeated(repeated(item, size, size), 0, blocks - 1), repeated(item, 0, size - 1)),
            sequence(_times(item, size, blocks), repeated(item, 0, rest))))
    return repeat


def _times(item: Expression, size: int, blocks: int) -> Expression:
    return repeated(repeated(item, size, size), blocks, blocks)


def as_regex(expression: Expression) -> str:
    """A regular expression in the syntax of Rust, for an expression without rules."""
    match expression:
        case Chars(ranges):
            return "[" + "".join(f"\\x{{{a:x}}}-\\x{{{b:x}}}" for a, b in ranges) + "]"
        case Sequence(parts):
            return "".join(map(as_regex, parts))
        case Choice(options):
            return "(?:" + "|".join(map(as_regex, options)) + ")"
        case Repeat(item, least, most):
            return f"(?:{as_regex(item)}){{{least},{'' if most is None else most}}}"
        case Rule(name):
            raise ValueError(f"a rule has no regular expression: {name}")


def _escaped(code: int, plain: str = "") -> str:
    char = chr(code)
    if char.isascii() and (char.isalnum() or char in plain):
        return char
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
