from __future__ import annotations

from fractions import Fraction

import pytest
from agentfix_plugins.datasets.graders import Assertions, Choice, Numeric, Text, last_number
from hypothesis import given
from hypothesis import strategies as st

from agentfix.evals.judge import SandboxJudge
from agentfix.protocols import ExecResult
from agentfix.testing import ScriptedSandbox

NO_JUDGE = SandboxJudge(ScriptedSandbox([]))


@pytest.mark.parametrize(("text", "number"), [
    ("$1,200.00", "1200"), ("18.0", "18"), ("3/4", "0.75"), ("50%", "50"), ("-4", "-4"), ("−4", "-4"), ("-$5", "-5"),
    ("$-5", "-5"), ("1e3", "1000"), (".5", "0.5"), ("so it is 18kg", "18"), ("first 3, then 4", "4"), ("7.", "7"),
    ("from 10-5", "5"), ("about $1,234,567.5 in all", "1234567.5"),
])
def test_numbers_are_read_as_people_write_them(text: str, number: str) -> None:
    assert last_number(text) == Fraction(number)


@pytest.mark.parametrize("text", ["", "none", "-", "%", "9" * 400])
def test_no_number_is_none(text: str) -> None:
    assert last_number(text) is None


@given(st.text(alphabet="0123456789,.eE+-/ $%x", max_size=60))
def test_any_text_can_be_scored(text: str) -> None:
    value = last_number(text)
    assert value is None or isinstance(value, Fraction)


@pytest.mark.parametrize(("answer", "reference", "correct"), [
    ("0.3333333", "1/3", True), ("0.333", "1/3", False), ("0.5", "50", False), ("1200", "1200", True), ("0", "0", True),
    ("1000001", "1000000", True), ("1000002", "1000000", False), ("no idea", "1", False),
])
async def test_numeric_equality(answer: str, reference: str, correct: bool) -> None:
    assert (await Numeric(Fraction(reference)).score(answer, NO_JUDGE)).correct is correct


async def test_text_takes_the_best_reference_after_normalisation() -> None:
    scorer = Text(("The Eiffel Tower", "Tour Eiffel"))
    assert (await scorer.score("eiffel tower.", NO_JUDGE)).correct
    close = await scorer.score("It is the Eiffel Tower", NO_JUDGE)
    assert (close.correct, close.f1) == (False, pytest.approx(2 * 2 / (4 + 2)))
    assert (await scorer.score("Big Ben", NO_JUDGE)).f1 == 0


async def test_a_choice_must_be_the_only_one_named() -> None:
    scorer = Choice("linear", ("linear", "nonlinear", "not linear at all"))
    assert (await scorer.score("The function is linear.", NO_JUDGE)).correct
    assert not (await scorer.score("nonlinear", NO_JUDGE)).correct
    assert not (await scorer.score("linear or nonlinear", NO_JUDGE)).correct
    assert not (await scorer.score("It is not linear at all", NO_JUDGE)).correct


async def test_assertions_run_after_the_program() -> None:
    sandbox = ScriptedSandbox([ExecResult("ok", value="1"), ExecResult("error", error="AssertionError"),
                               ExecResult("timeout")])
    judge, scorer = SandboxJudge(sandbox), Assertions("assert f(2) == 4")
    assert (await scorer.score("def f(x): return x * x", judge)).correct
    assert sandbox.programs[0].index("def f") < sandbox.programs[0].index("assert f(2)")
    failed, slow = await scorer.score("def f(x): return 5", judge), await scorer.score("while 1: pass", judge)
    assert (failed.correct, failed.note, slow.correct, slow.note) == (False, "", False, "timeout")
    await judge.aclose()
    assert not sandbox.is_open


async def test_a_program_that_ends_before_its_assertions_has_not_passed() -> None:
    judge = SandboxJudge(ScriptedSandbox([ExecResult("ok", value=None)]))
    assert not (await Assertions("assert False").score("raise SystemExit", judge)).correct
