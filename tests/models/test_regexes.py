"""Regular expressions and numbers as grammars: what follows one matches, and what can't be said is named."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix.models.llamacpp.expressions import (
    NOTHING,
    Chars,
    Choice,
    Repeat,
    Sequence,
    as_regex,
    lengths,
    nonempty,
    nullable,
)
from agentfix.models.llamacpp.ranges import integers, numbers
from agentfix.models.llamacpp.regexes import UnsupportedRegexError, expression_of

CASES = settings(deadline=None)
ASCII = st.text(st.characters(max_codepoint=0x7F, min_codepoint=1), max_size=8)


def matcher(expression):
    """Rust writes code points as Python does not."""
    written = re.sub(r"\\x\{(\w+)\}", lambda m: f"\\U{int(m[1], 16):08x}", as_regex(expression))
    return re.compile(written if expression != NOTHING else "(?!)")


def written(expression, chance):
    """A text that satisfies it."""
    match expression:
        case Chars(ranges):
            return chr(chance.randint(*chance.choice(ranges)))
        case Sequence(parts):
            return "".join(written(part, chance) for part in parts)
        case Choice(options):
            return written(chance.choice(options), chance)
        case Repeat(item, least, most):
            times = chance.randint(least, least + 3 if most is None else min(most, least + 3))
            return "".join(written(item, chance) for _ in range(times))


ASCII_PIECES = [
    "a", "B", "k", "0", " ", r"\.", r"\\", '"', r"\n", ".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[a-f]", "[^a-f]",
    r"[\w.-]", r"[^\s\d]", "[^k]", r"[^\W_]", r"[\x01-\x20]"]


def patterns_of(pieces):
    return st.recursive(st.sampled_from(pieces), lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: f"({'|'.join(options)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "*?", "{2,}"]))
          .map(lambda both: f"(?:{both[0]}){both[1]}"),
        inner.map(lambda part: f"(?i:{part})"), inner.map(lambda part: f"(?-i:{part})"),
    ), max_leaves=6)


PATTERNS = patterns_of([*ASCII_PIECES, "é", "ß", "ſ", "[Α-ω]"])


@CASES
@given(PATTERNS, st.sampled_from(["", "(?i)", "(?a)", "(?s)", "(?ai)"]), st.integers())
def test_what_follows_the_grammar_matches(pattern, flags, seed):
    expression = expression_of(flags + pattern)
    chance = random.Random(seed)
    for _ in range(5):
        assert re.fullmatch(flags + pattern, written(expression, chance))


@CASES
@given(patterns_of(ASCII_PIECES).flatmap(lambda pattern: st.tuples(
    st.just(pattern), st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True,
                                    alphabet=st.characters(min_codepoint=1, max_codepoint=0x7F)) | ASCII)))
def test_what_matches_in_ascii_follows_the_grammar(both):
    pattern, text = both
    fits = re.fullmatch(pattern, text, re.ASCII) is not None
    assert bool(matcher(expression_of(f"(?a){pattern}")).fullmatch(text)) == fits


@CASES
@given(PATTERNS, ASCII)
def test_a_pattern_may_match_anywhere(pattern, text):
    found = re.search(pattern, text, re.ASCII) is not None
    assert bool(matcher(expression_of(f"(?a){pattern}", anywhere=True)).fullmatch(text)) == found


@CASES
@given(PATTERNS, st.integers())
def test_the_empty_text_can_be_taken_out(pattern, seed):
    expression = expression_of(pattern)
    rest = nonempty(expression)
    assert nullable(expression) == (re.fullmatch(pattern, "") is not None) and not nullable(rest)
    text = written(expression, random.Random(seed))
    assert bool(matcher(rest).fullmatch(text)) == (text != "")
    fewest, most = lengths(expression)
    assert fewest <= len(text) and (most is None or len(text) <= most)


@pytest.mark.parametrize(("pattern", "good", "bad"), [
    ("^a|b$", ["axx", "xb"], ["xa", "bx"]), ("^(?:a|bc)$", ["a", "bc"], ["xa", "ab"]), ("(^a$)", ["a"], ["aa"]),
    ("a$|^b", ["xa", "bx"], ["ax"]), ("", ["", "x"], []), (r"\Aab\Z", ["ab"], ["xab", "ab\n"]),
    ("^(?<year>\\d{4})$", ["2024"], ["24"]), ("^^a$$", ["a"], ["xa"]),
])
def test_anchors_of_a_pattern_that_may_match_anywhere(pattern, good, bad):
    fits = matcher(expression_of(pattern, anywhere=True)).fullmatch
    assert all(map(fits, good)) and not any(map(fits, bad))


@pytest.mark.parametrize(("pattern", "named"), [
    (r"(a)\1", "a backreference"), (r"(?P<x>a)(?P=x)", "a backreference"), ("a(?=b)", "a lookaround"),
    ("(?<=a)b", "a lookaround"), ("(?!a)b", "a negative lookaround"), (r"a\bc", "a word boundary"),
    (r"a\Bc", "a word boundary"), ("a^b", "an anchor where the text can't begin"), ("a$b", "an anchor"),
    ("(?>a)b", "an atomic group"), ("a++", "a possessive repetition"), ("(a)?(?(1)b|c)", "a conditional group"),
    ("(", "not valid"), (r"\p{L}", "not valid"), ("a{2000000}", "more than a million times"),
    ("(" * 5000 + ")" * 5000, "too large"),
])
def test_what_no_grammar_can_say_is_named(pattern, named):
    with pytest.raises(UnsupportedRegexError, match=named):
        expression_of(pattern)


@pytest.mark.parametrize(("pattern", "same"), [
    ("([a-z]{0,50}){0,50}", "[a-z]{0,2500}"), ("(a+){2,3}", "a{2,}"), ("(a{1,4}){2,3}", "a{2,12}"), ("(a*)*", "a*"),
    ("(a?){3}", "a{0,3}"), ("(a{2}){3}", "(a{2}){3}")])
def test_repetitions_of_repetitions_are_counted_once(pattern, same):
    """Else a matcher follows each way to divide a text among them: as many as it has letters, or their square."""
    assert expression_of(pattern) == expression_of(same)


BOUND = st.none() | st.integers(-2000, 2000).map(Fraction) | st.fractions(-30, 30, max_denominator=100)


def inside(value, least, most, exclusive):
    above = least is None or value > least or (value == least and not exclusive[0])
    return above and (most is None or value < most or (value == most and not exclusive[1]))


@CASES
@given(BOUND, BOUND, st.tuples(st.booleans(), st.booleans()), st.integers(-2100, 2100) | st.integers(-40, 40))
def test_integers_between_bounds(least, most, exclusive, value):
    fits = matcher(integers(least, most, exclusive=exclusive)).fullmatch
    assert bool(fits(str(value))) == inside(value, least, most, exclusive)
    assert not fits(f"0{value}") and not fits("-0") and not fits(f"{value}.0")


@CASES
@given(BOUND, BOUND, st.tuples(st.booleans(), st.booleans()), st.integers(-40 * 10**6, 40 * 10**6), st.integers(0, 6))
def test_numbers_between_bounds(least, most, exclusive, millionths, places):
    text = f"{millionths / 10**6:.{places}f}"
    fits = matcher(numbers(least, most, exclusive=exclusive)).fullmatch
    if Fraction(text) or not text.startswith("-"):
        assert bool(fits(text)) == inside(Fraction(text), least, most, exclusive)
    assert not fits(f"0{text}") and not fits(f"{text}.") and not fits("1e999")
