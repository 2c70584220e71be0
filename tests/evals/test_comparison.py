from __future__ import annotations

import pytest

from agentfix.evals import Record, compared, comparisons, lineup


def column(strategy: str, right: str, repeats: int = 1, tokens: int = 100) -> list[Record]:
    """One record for each letter, `+` for a right answer; of several repeats one after the other."""
    return [Record(f"i{n // repeats}", strategy, strategy, n, n % repeats, correct=letter == "+",
                   completion_tokens=tokens, prompt_tokens=10) for n, letter in enumerate(right)]


def test_two_columns_are_paired_by_item() -> None:
    left, right = column("critic", "+++-+---+-", tokens=300), column("none", "-+--+-+---")
    found = compared(left, list(reversed(right)), ("critic", "none"))
    assert found is not None
    assert (found.items, found.accuracy.value, found.against_accuracy.value) == (10, 0.5, 0.3)
    assert found.difference.value == pytest.approx(0.2) and found.difference.low < 0 < found.difference.high
    assert found.only == (("i0", 0), ("i2", 0), ("i8", 0)) and found.only_against == (("i6", 0),)
    assert found.mcnemar_p == pytest.approx(0.625)
    assert (found.completion_tokens, found.against_completion_tokens, found.tokens) == (300, 100, 310)


def test_repeats_of_an_item_are_no_items_more() -> None:
    thrice = compared(column("a", "+++" * 4, 3), column("b", "--+" * 4, 3), ("a", "b"))
    assert thrice is not None
    assert (thrice.items, thrice.runs, thrice.mcnemar_p) == (4, 12, pytest.approx(0.125))
    assert (thrice.accuracy.low, thrice.accuracy.high) == pytest.approx((0.5101, 1.0), abs=5e-5)
    assert thrice.difference.low == thrice.difference.high == pytest.approx(2 / 3)
    assert thrice.only[:3] == (("i0", 0), ("i0", 1), ("i1", 0))


def test_only_what_both_have_run_is_compared() -> None:
    found = compared(column("a", "++++"), column("b", "--"), ("a", "b"))
    assert found is not None and found.items == 2
    assert compared(column("a", "+"), [], ("a", "b")) is None


def test_a_table_compares_a_strategy_with_those_at_its_price_or_else_the_first_with_all() -> None:
    contenders = lineup(["critic", "none"])
    records = [r for c in contenders for r in column(c.name, "+-")]
    assert [(c.strategy, c.against) for c in comparisons(records, contenders)] == [
        ("critic", "self-consistency@critic"), ("critic", "best-of-n@critic")]
    plain = lineup(["critic", "none", "self-refine"], baselines=False)
    records = [r for c in plain[:2] for r in column(c.name, "+-")]
    assert [(c.strategy, c.against) for c in comparisons(records, plain)] == [("critic", "none")]
