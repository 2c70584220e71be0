from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix.evals.statistics import mcnemar, paired_bootstrap, wilson


def test_wilson_has_its_published_values() -> None:
    # Newcombe (1998), table I: 81/263, 15/148, 0/20 and 1/29, without continuity correction.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(case: tuple[int, int]) -> None:
    right, total = case
    low, high = wilson(right, total)
    assert 0 <= low <= right / total <= high <= 1


def test_mcnemar_is_the_binomial_test() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 5) == mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(1, 9) == pytest.approx(0.021484375)
    assert mcnemar(4, 4) == 1


def test_the_bootstrap_is_seeded_and_paired() -> None:
    before, after = [False] * 30 + [True] * 30, [True] * 10 + [False] * 20 + [True] * 30
    low, high = paired_bootstrap(before, after, seed=3)
    assert (low, high) == paired_bootstrap(before, after, seed=3)
    assert 0 < low < 10 / 60 < high < 0.3
    assert paired_bootstrap(after, after) == (0, 0)
    assert paired_bootstrap([], []) == (0, 0)
    with pytest.raises(ValueError, match="argument 2 is"):
        paired_bootstrap([True], [])
