from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import Observation, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult, Limits

pytest.importorskip("sympy")
pytest.importorskip("pint")

from agentfix_plugins.calculator.answer import calculate
from agentfix_plugins.calculator.tool import Calculator
from agentfix_plugins.calculator.units import Units

UNITS = Units()


class NoSandbox:
    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None) -> ExecResult:
        raise AssertionError("the calculator runs no program")

    async def aclose(self) -> None: ...


def exact(expression: str, to: str = "") -> str:
    return calculate(expression, to, UNITS).exact


@pytest.mark.parametrize(("expression", "expected"), [
    ("1/2 + 1", "3/2"), ("0.1 + 0.2", "3/10"), ("15% of 80", "12"), ("1,200 * 3", "3600"),
    ("1,234,567.5 * 2", "2469135"),
    ("max(1,200)", "200"), ("10 % 3", "1"), ("-4 % 3", "2"), ("100 / 50%", "200"), ("-2**2", "-4"), ("2^10", "1024"),
    ("7 // 2", "3"), ("2(3 + 4)", "14"), ("8 ÷ 2 × 3 − 1", "11"), ("1e-3", "1/1000"),
    ("sqrt(8) * sqrt(2) == 4", "true"),
    ("0.1 + 0.2 == 0.3", "true"), ("sqrt(2) < 1.41", "false"), ("sqrt(12)", "2*sqrt(3)"), ("2 sin(pi/6)", "1"),
    ("factorial(20) / factorial(18)", "380"), ("binomial(50, 25)", "126410606437752"), ("gcd(84, 36)", "12"),
    ("lcm(4, 6, 10)", "60"), ("round(2.5)", "2"), ("round(2/3, 2)", "67/100"), ("floor(-1/2)", "-1"),
    ("log(8, 2)", "3"),
    ("solve(2*x + 3 = 7, x)", "2"), ("solve(x**2 = 2)", "-sqrt(2), sqrt(2)"), ("2x + 3x", "5*x"),
    ("expand((x + 1)**2)", "x**2 + 2*x + 1"), ("factor(360)", "2**3*3**2*5"), ("integrate(x**2, x, 0, 1)", "1/3"),
    ("diff(x**3, x)", "3*x**2"), ("+".join(["1"] * 900), "900"),
])
def test_arithmetic_is_exact(expression: str, expected: str) -> None:
    assert exact(expression) == expected


@pytest.mark.parametrize(("expression", "to", "expected"), [
    ("3 km + 200 m", "m", "3200 m"), ("60 mile/hour to km/hour", "", "301752/3125 km/h"),
    ("5 in to cm", "", "127/10 cm"),
    ("60 miles per hour", "km/hour", "301752/3125 km/h"), ("25 degC to degF", "", "77 °F"), ("1 km / 1 m", "", "1000"),
    ("100 km / 2 hour", "", "50 km/h"), ("180 degree to radian", "", "pi rad"), ("pi*(3 m)**2", "", "9*pi m**2"),
    ("sqrt(9 m**2)", "", "3 m"), ("60 minute == 1 hour", "", "true"), ("5 km in miles", "", "78125/25146 mi"),
    ("5 kg m**2/s**2", "joule", "5 J"),
])
def test_units_are_converted_exactly(expression: str, to: str, expected: str) -> None:
    assert exact(expression, to) == expected


def test_the_text_shows_exact_and_decimal() -> None:
    assert calculate("3/2", "", UNITS).text == "3/2 (= 1.5)"
    assert calculate("1/3", "", UNITS).text == "1/3 (≈ 0.333333333333333)"
    assert calculate("4/2", "", UNITS).text == "2"


@pytest.mark.parametrize(("expression", "word"), [
    ("1/0", "zero"), ("5 m % 0 m", "zero"), ("tan(pi/2)", "finite"), ("3 km + 2 s", "convert"), ("5 km + 3", "unit"),
    ("5 parrots to km", "parrots"), ("sqr(4)", "sqrt"), ("3 +", "expression"), ("", "empty"), ("2 3", "operator"),
    ("1/2 km", "Ambiguous"), ("20 degC + 5 degC", "kelvin"), ("x + 2 = 5", "solve"), ("sqrt", "sqrt(...)"),
    ("sin(1, 2)", "arguments"), ("2 + 2 to km", "quantity"), ("5 km to", "unit"), ("factorial(1/2)", "whole"),
])
def test_what_has_no_result_is_said(expression: str, word: str) -> None:
    with pytest.raises(ToolError, match=word.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.")):
        exact(expression)


HOSTILE = [
    "__import__('os').system('true')", "(1).__class__", "x.y", "lambda: 1", "import os", "[x for x in (1, 2)]",
    "'a' * 9",
    '"a"', "{1: 2}", "a[0]", "1 if 2 else 3", "x := 3", "f'{1}'", "print(1); 2", "1\n2", "not 1", "1 and 2", "~1",
    "1 << 99",
    "open(1)", "eval(1)", "getattr(x, y)", "sqrt(x=1)", "sqrt(*x)", "1 < 2 < 3", "1_000", "0x10",
]
BOMBS = [
    "9**9**9", "9**(9**9)", "10**(10**6)", "((9**99)**99)**99", "2**2**2**2**2**2", "0.1**99999", "10**-5000",
    "(1/3)**(10**9)", "sqrt(2)**(10**6)", "pi**(10**6)", "factorial(10**9)", "factorial(factorial(9))",
    "binomial(10**9, 5*10**8)", "exp(exp(exp(exp(10))))", "lcm(10**3000, 9**3000)", "1e999999999", "9" * 1_900,
    "expand((x + y + z + w)**50)", "expand((x + 1)**9999)", "factor(10**40 + 7)", "diff(x**3, x, 10**6)", "1" * 100_000,
    "(" * 500 + "1" + ")" * 500, "-" * 1_500 + "1", "9**" * 500 + "9", "round(pi, 10**6)", "(2 m)**(10**9)",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("expression", HOSTILE)
def test_python_is_not_spoken(expression: str) -> None:
    with pytest.raises(ToolError):
        exact(expression)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("expression", BOMBS, ids=lambda text: text[:30])
def test_what_would_be_too_large_is_refused_before_it_is_computed(expression: str) -> None:
    with pytest.raises(ToolError):
        exact(expression)


def test_a_refusal_names_its_bound() -> None:
    with pytest.raises(ToolError, match="13000 bits") as refusal:
        exact("9**9**9")
    assert refusal.value.status == "refused"


numbers = st.one_of(
    st.integers(0, 10**6).map(lambda n: (str(n), Fraction(n))),
    st.decimals(0, 1000, places=3).map(lambda d: (str(d), Fraction(d))),
)


def joined(parts: tuple[tuple[str, Fraction], str, tuple[str, Fraction]]) -> tuple[str, Fraction]:
    (left, a), operator, (right, b) = parts
    if b == 0 and operator == "/":
        operator = "+"
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else a + b}[operator]
    return f"({left} {operator} {right})", value


@given(st.recursive(numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(joined), max_leaves=12))
def test_rational_arithmetic_equals_that_of_fractions(case: tuple[str, Fraction]) -> None:
    expression, expected = case
    assert Fraction(exact(expression)) == expected


@given(st.text(alphabet="0123456789.+-/%()=<>, x", max_size=20))
def test_any_text_gives_a_value_or_a_message(text: str) -> None:
    try:
        assert isinstance(calculate(text, "", UNITS).exact, str)
    except ToolError as error:
        assert str(error)


async def test_the_tool_is_registered_and_answers() -> None:
    tool = Plugins(Settings()).build("tool", "calculator")
    context = ToolContext(NoSandbox(), timeout_s=30)
    assert await tool.run({"expression": "3/4 * 2"}, context) == Observation(
        "calculator", "ok", "3/2 (= 1.5)", {"exact": "3/2", "decimal": "1.5"})
    with pytest.raises(ToolError, match="bits") as refusal:
        await tool.run({"expression": "9**9**9"}, context)
    assert refusal.value.status == "refused"


async def test_algebra_that_does_not_end_is_stopped_and_the_next_question_is_answered() -> None:
    tool = Calculator()
    with pytest.raises(ToolError, match="not done within"):
        await tool.run({"expression": "integrate(sin(x**3)*exp(x**2)*log(x), x)"},
                       ToolContext(NoSandbox(), timeout_s=0.5))
    observation = await tool.run({"expression": "1 + 1"}, ToolContext(NoSandbox(), timeout_s=30))
    assert observation.text == "2"
