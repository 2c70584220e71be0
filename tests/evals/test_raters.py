"""Consistency of raters, by numbers worked out by hand."""

from __future__ import annotations

import pytest

from agentfix.evals.raters import PositionBias, cohen_kappa, length_correlation, position_bias, self_agreement


def rated(word):
    names = {"a": "accept", "r": "revise", "t": "abstain"}
    return {str(item): names[letter] for item, letter in enumerate(word)}


@pytest.mark.parametrize(("one", "other", "kappa"), [
    # 8 of 10 agree; by chance 0.6*0.6 + 0.4*0.4 = 0.52
    ("aaaaaarrrr", "aaaaararrr", (0.8 - 0.52) / 0.48),
    # 5 of 6 agree; by chance (3*2 + 2*3 + 1*1) / 36 = 13/36
    ("aaarrt", "aarrrt", (5 / 6 - 13 / 36) / (23 / 36)),
    ("arar", "arar", 1.0),
    ("aarr", "arar", 0.0),
    ("ar", "ra", -1.0),
])
def test_kappa_is_agreement_beyond_chance(one, other, kappa):
    assert cohen_kappa(rated(one), rated(other)) == pytest.approx(kappa)
    assert cohen_kappa(rated(other), rated(one)) == pytest.approx(kappa)


def test_kappa_looks_at_items_that_both_rated():
    assert cohen_kappa({**rated("arar"), "x": "accept"}, {**rated("arar"), "y": "revise"}) == 1.0
    assert cohen_kappa({"x": "accept"}, {"y": "accept"}) is None
    assert cohen_kappa({}, {}) is None


def test_raters_that_only_ever_say_one_thing_tell_nothing():
    assert cohen_kappa(rated("aaa"), rated("aaa")) is None
    assert cohen_kappa(rated("aaa"), rated("rrr")) == 0.0


def test_self_agreement_is_the_mean_share_of_equal_pairs():
    # 3 of 3 pairs, 1 of 3 pairs, 0 of 1 pair; what was rated once says nothing
    assert self_agreement([["a", "a", "a"], ["a", "a", "r"], ["a", "r"], ["a"]]) == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert self_agreement([["a"], []]) is None


def test_position_bias_is_the_share_of_pairs_that_the_place_decides():
    pairs = [("first", "second"), ("second", "first"), ("tie", "tie"), ("first", "first"), ("first", "first"),
             ("second", "second"), ("first", "tie"), ("tie", "second")]
    found = position_bias(pairs)
    assert found == PositionBias(8, 3 / 8, 2 / 8, 1 / 8)
    assert found.rate == 3 / 8
    assert position_bias([]) is None


def test_length_correlation_is_pearsons():
    assert length_correlation([0.1, 0.2, 0.3], [10, 20, 30]) == pytest.approx(1.0)
    assert length_correlation([0.3, 0.2, 0.1], [10, 20, 30]) == pytest.approx(-1.0)
    # deviations of scores -0.3, 0.2, 0.1 and of lengths -10, 0, 10: 4 / sqrt(0.14 * 200)
    assert length_correlation([0.4, 0.9, 0.8], [10, 20, 30]) == pytest.approx(4 / 28 ** 0.5)
    assert length_correlation([0.5, 0.5], [1, 2]) is None
    assert length_correlation([0.5], [1]) is None
    with pytest.raises(ValueError, match="2 scores are given for 1 lengths"):
        length_correlation([0.5, 0.6], [1])
