from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import Claim, Evidence, EvidenceClass, Observation, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult, Limits

pytest.importorskip("sympy")
pytest.importorskip("pint")

from agentfix_plugins.calculator.answer import calculate
from agentfix_plugins.calculator.claims import check
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


@pytest.mark.parametrize(("expression", "expected"), [
    ("days_between(2024-01-31, 2024-03-01)", "30"), ("days_between(2024-03-01, 2024-01-31)", "-30"),
    ("days_between(2023-02-28, 2023-03-01) * 24", "24"), ("add_days(2024-02-28, 2)", "2024-03-01"),
    ("add_months(2024-01-31, 1)", "2024-02-29"), ("add_months(2024-03-31, -13)", "2023-02-28"),
    ("months_between(2024-01-31, 2024-02-29)", "1"), ("months_between(2024-01-15, 2025-01-14)", "11"),
    ("months_between(2025-01-15, 2024-01-15)", "-12"), ("weekday(2000-01-01)", "Saturday"),
    ("weekday(add_days(2000-01-01, 10^4))", "Wednesday"), ("2024 - 01 - 31", "1992"), ("1000-10-1", "989"),
])
def test_days_of_the_calendar(expression: str, expected: str) -> None:
    assert exact(expression) == expected


@pytest.mark.parametrize(("expression", "expected"), [
    ("compound(1000, 5%, 2)", "2205/2"), ("compound(1000, 0, 10)", "1000"),
    ("payment(1200, 0, 12)", "100"), ("payment(1000, 10%, 2)", "12100/21"), ("npv(10%, -1000, 1100)", "0"),
    ("npv(0.1, -100, 55, 60.5)", "0"), ("irr(-100, 110)", "1/10"), ("irr(-100, 230, -132)", "1/5, 1/10"),
])
def test_money_is_exact(expression: str, expected: str) -> None:
    assert exact(expression) == expected


@pytest.mark.parametrize(("expression", "text"), [
    ("payment(200000, 6%/12, 360)", "≈ 1199.1010503055"), ("compound(1000, 5%/12, 120)", "≈ 1647.00949769028"),
    ("irr(-1000, 500, 500, 500)", "≈ 0.233751928528259"), ("add_months(2024-01-31, 1)", "2024-02-29 (Thursday)"),
])
def test_what_is_shown_of_days_and_money(expression: str, text: str) -> None:
    assert calculate(expression, "", UNITS).text == text


@pytest.mark.parametrize(("expression", "text"), [
    ("solve(x + y = 3, x - y = 1, x, y)", "x = 2, y = 1"), ("solve(x + y = 3, x - y = 1)", "x = 2, y = 1"),
    ("solve(x*y = 2, x + y = 3)", "x = 1, y = 2 or x = 2, y = 1"), ("solve(x + y = 3, x + y = 4)", "no solution"),
    ("solve(x + y = 3, 2*x + 2*y = 6, x, y)", "x = 3 - y"), ("solve(1 = 2, x)", "no solution"),
    ("solve(x**2 < 4)", "-2 < x < 2"), ("solve(x**2 > 4, x)", "x < -2 or x > 2"),
    ("solve(2*x + 3 >= 7, x < 10)", "2 <= x < 10"), ("solve((x - 1)/(x + 2) > 0)", "x < -2 or x > 1"),
    ("solve(x != 3, x)", "x < 3 or x > 3"), ("solve(x**2 < 0)", "no solution"), ("solve(x**2 >= 0)", "every real x"),
    ("solve(x**2 = 4, x > 0)", "x = 2"),
])
def test_systems_and_inequalities_are_solved(expression: str, text: str) -> None:
    assert calculate(expression, "", UNITS).text == text


@pytest.mark.parametrize(("expression", "word"), [
    ("weekday(2023-02-29)", "no day"), ("weekday(5)", "takes a day"), ("add_months(2024-01-31, 1/2)", "whole"),
    ("add_months(2024-01-31, 10^6)", "year 9999"), ("add_days(2024-01-31, 10^30)", "year 9999"),
    ("2024-03-01 - 2024-01-31", "Ambiguous"), ("sqrt(2024-01-31)", "Ambiguous"), ("-weekday(2024-01-31)", "numbers"),
    ("add_days(2024-01-31, 1) + 1", "numbers"), ("sqrt(add_days(2024-01-31, 1))", "takes numbers"),
    ("weekday(2024-01-31) == 3", "numbers"), ("irr(100, 200)", "goes out"), ("irr(-1, x)", "numbers"),
    ("compound(1000, -2, 3)", "above -100%"), ("payment(1000, 5%, 0)", "whole number"), ("npv(x, 1)", "numbers"),
    ("solve(sin(x) > 0)", "not solved"), ("solve(x + y > 3, x)", "one variable"), ("solve(x)", "equation"),
    ("solve(a + b + c + d + f + g = 1, a = 2)", "at most 5 unknowns"), ("solve(x < 2) + 1", "numbers"),
])
def test_what_days_money_and_equations_can_not_be_is_said(expression: str, word: str) -> None:
    with pytest.raises(ToolError, match=word):
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
    "compound(1000, 5%, 10**6)", "payment(1, 1/3, 10**9)", "compound(1, 10**3000, 1000)", "npv(" + "9," * 70 + "1)",
    "solve(x**99 + y**99 = 1, x*y = 2)",
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


# --- claims -----------------------------------------------------------------------------------------------------------

HOLD = [
    "17*3 = 51", "So 17 * 3 = 51.", "17 × 3 = 51 apples", "3 * 4 + 1 = 12 + 1 = 13", "total = 17*3 = 51",
    "\\( 17 \\times 3 = 51 \\)", "$17 \\times 3 = 51$", "**17*3 = 51**", "- 3 + 4 = 7\n- 4 + 4 = 8", "1. 3 + 4 = 7",
    "(17*3 = 51)", "$3 + $4 = $7", "1,200 * 3 = 3,600", "20% of 50 = 10", "2^10 = 1024", "so 3 + 4 = 7, 7 * 2 = 14",
    "x = 3 * 4 == 12", "10/3 = 3.33", "10/3 = 3.3333...", "2/3 = 0.66", "2/3 = 0.67", "3/4 = 75%", "22/7 ≈ 3.14",
    "2**0.5 = 1.414",
]
WRONG = [
    "17*3 = 52", "17 × 3 = 52 apples", "total = 17*3 = 52", "3 * 4 + 1 = 12 + 1 = 14", "0.1 + 0.2 = 0.4", "7/2 = 3",
    "10/4 = 2.6", "2/3 = 0.68", "2**0.5 = 1.5", "- 3 + 4 = 8", "20% of 50 = 11", "\\[ 17 \\cdot 3 = 52 \\]",
    "19.99 * 3 = 59.96", "7 * 8 = 56, so 7 * 9 = 64",
]
PASSED_OVER = [
    "x - 3 + 4 = 1", "2x + 3 = 7", "f(2) + 1 = 5", "pow(2, 3 + 1) = 16", "10:30 + 1 = 11:30", "if 2 + 2 = 5 then",
    "2 + 2 = 5 is wrong", "Is 2 + 2 = 5?", "17 / 5 = 3 remainder 2", "\\[17 \\div 5 = 3\\, R\\, 2\\]",
    "60 * 2 = 2 hours", "5 * 1000 = 5 km", "5 * 1000 = 5k",
    "3 + 4 = 2 (mod 5)", "101 + 11 = 1000 in binary", "2 x 3 + 4 = 11",
    "6 times 3 + 4 = 22", "3² + 1 = 11", "√(9) + 1 = 4", "if n % 2 == 0:", "x[1+2] = 3", "sqrt (9 + 7) = 4",
    "1.2.3 + 1 = 2", "9 = 8", "Step 1 - 3 + 4 = 7", '"2 + 2 = 5"', "1234 * 56 ≈ 70000", "5 = 2 + x", "9**9**9 = 1",
    "1/0 = 3", "1/4 * 100 = 25%", "7 x 2 and 1/2 = 17", "no equation at all", "a = b",
]


@pytest.fixture(scope="module")
def verify():
    tool = Calculator()

    async def run(text: str) -> Evidence | None:
        return await tool.verify(Claim(text), ToolContext(NoSandbox(), timeout_s=30))

    return run


@pytest.mark.parametrize("text", HOLD)
async def test_an_equation_that_holds_supports_a_part_of_an_answer(verify, text: str) -> None:
    evidence = await verify(text)
    assert (evidence.kind, evidence.polarity, evidence.coverage, evidence.author) == (
        EvidenceClass.MEASUREMENT, "supports", "part", "calculator")


@pytest.mark.parametrize("text", WRONG)
async def test_an_equation_that_is_wrong_refutes_an_answer(verify, text: str) -> None:
    assert (await verify(text)).polarity == "refutes"


@pytest.mark.parametrize("text", PASSED_OVER)
async def test_what_may_not_be_meant_as_an_equation_is_passed_over(verify, text: str) -> None:
    assert await verify(text) is None


async def test_the_evidence_says_which_equation_is_wrong(verify) -> None:
    evidence = await verify("He buys 3 boxes: 3 * 12 = 36. He eats 5, so 36 - 5 = 32 are left.")
    assert evidence.summary == "36 - 5 = 32 is wrong: the left side is 31"
    assert evidence.detail == "3 * 12 = 36: holds\n36 - 5 = 32: wrong"
    assert (await verify("3 * 12 = 36. Then 36 - 5 = 31.")).summary == "all 2 equations hold: 3 * 12 = 36"


@given(st.text(alphabet="0123456789.+-*/%()=≈<>, x$\n", max_size=40))
def test_any_text_can_be_checked(text: str) -> None:
    for one in check(text, UNITS):
        assert one.text and one.value


def test_the_calculator_says_what_it_may_do() -> None:
    spec = Plugins(Settings()).build("tool", "calculator").spec
    assert spec.verifies and spec.processes and spec.deterministic and not spec.side_effects
