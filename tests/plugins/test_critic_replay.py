"""Replaying the calculations of a text: wrong ones are found, and right ones are never refuted."""

from __future__ import annotations

import pytest
from agentfix_plugins.critic.replay import wrong_calculation


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("First 3 + 4 = 8 apples.", "3 + 4 = 8, but it is 7"),
        ("- 5 * 2 = 12", "5 * 2 = 12, but it is 10"),
        (r"So \(6 \times 7 = 43\).", "6 * 7 = 43, but it is 42"),
        ("2 + 3 * 4 = 20.", "2 + 3 * 4 = 20, but it is 14"),
        ("$1,200 / 3 = $300", "$1,200 / 3 = $300, but it is 400"),
        ("total = 10 / 4 = 3", "10 / 4 = 3, but it is 2.5"),
        ("1 × 2 ÷ 4 = 2", "1 * 2 / 4 = 2, but it is 0.5"),
    ],
)
def test_a_wrong_calculation_is_found(text, complaint):
    assert wrong_calculation(text) == complaint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 + 4 = 7",
        "10 / 3 = 3.33",
        "$5.50 * 2 = $11",
        "5 - -3 = 8",
        "7 / 0 = 3",
        "48 / 2 = 24 + 48 = 72",
        "(10 + 2) * 3 + 4 = 40",
        "x + 3 + 4 = 10",
        "2x - 3 + 4 = 9",
        "5 apples + 3 + 2 = 10",
        "20% + 3 + 4 = 27",
        "3 / 200 = 1.5%",
        "3 / 200 = 1.5 %",
        "500 + 500 = 1,000%",
        "2.5 * 2 = 1.25 * 4",
        "2^3 + 1 = 9",
        "2 ** 3 + 1 = 9",
        "7 // 2 = 3",
        "12:30 + 1 = 13",
        "3 + 4 = 7, as 3 + 4 is seven",
        "sum = 3 + 4 = 7 = 14 / 2",
    ],
)
def test_what_holds_or_can_not_be_read_is_not_refuted(text):
    assert wrong_calculation(text) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "1 + " * 5000,
        "11+" * 7000 + "1=1",
        " " * 20_000,
        "$" + " " * 20_000,
        "1 +" + " " * 20_000,
        "1" * 20_000 + " + 1 = 2",
        "1+1=" + " " * 20_000,
        "9" * 30 + " * " + ("9" * 15 + " * ") * 300 + "9 = 1",
        "1,1" * 6000,
        "-" * 20_000,
        "1/3" * 6000 + "=1",
        "0.00000000000001 / 99999999999999 = 1",
        "\\text{" * 3000,
    ],
)
def test_a_hostile_text_is_read_quickly_and_does_no_harm(text):
    assert isinstance(wrong_calculation(text), str | None)
