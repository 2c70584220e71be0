from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix.evals.calibration import aurc, auroc, calibration, ece, risk_at, risk_coverage

JUDGED = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.3, False)]
SOME = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.75, 1.0]), st.booleans()), min_size=1, max_size=30)


def test_ece_is_the_mean_gap_of_the_bins() -> None:
    # Bins (.8, .9], (.7, .8], (.6, .7], (.5, .6], (.2, .3]: gaps .1, .2, .7, .4, .3, each with one of five.
    assert ece(JUDGED) == pytest.approx(1.7 / 5)
    # One bin: three of five are right, the mean confidence is 0.66.
    assert ece(JUDGED, bins=1) == pytest.approx(0.06)
    assert ece([(1.0, True), (0.0, False)]) == 0
    assert ece([(0.5, True), (0.5, False)]) == 0


def test_auroc_counts_the_pairs_in_the_right_order() -> None:
    # Of the six pairs of a right and a wrong answer only 0.6 beside 0.7 is in the wrong order.
    assert auroc(JUDGED) == pytest.approx(5 / 6)
    assert auroc([(0.5, True), (0.5, False), (0.2, False)]) == pytest.approx(0.75)
    assert auroc([(0.4, True), (0.9, True)]) is None
    assert auroc([(0.4, False)]) is None


def test_the_risk_coverage_curve_has_a_point_for_each_confidence() -> None:
    assert risk_coverage(JUDGED) == (
        (0.2, 0, 0.9), (0.4, 0, 0.8), (0.6, pytest.approx(1 / 3), 0.7), (0.8, 0.25, 0.6), (1, pytest.approx(0.4), 0.3))
    assert risk_coverage([(0.5, False), (0.5, True)]) == ((1, 0.5, 0.5),)


def test_aurc_is_the_mean_risk_over_all_coverages() -> None:
    assert aurc(JUDGED) == pytest.approx((0 + 0 + 1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert aurc([(0.9, True), (0.1, False)]) == pytest.approx(0.25)
    assert aurc([(0.1, True), (0.9, False)]) == pytest.approx(0.75)
    assert aurc([(0.5, True), (0.5, False)]) == pytest.approx(0.5)  # each order is as likely


def test_the_risk_of_a_part_counts_the_surest() -> None:
    # Of the surest 2.5 of five, two are right and half of the next, which is wrong, is given.
    assert risk_at(JUDGED, 0.5) == pytest.approx(0.5 / 2.5)
    assert risk_at(JUDGED, 1.0) == pytest.approx(2 / 5)
    # Of four alike, any two may be given: one of them is wrong in the mean.
    assert risk_at([(0.9, True), (0.9, False)] * 2 + [(0.1, False)] * 2, 1 / 3) == pytest.approx(0.5)


@given(SOME)
def test_nothing_depends_on_the_order_of_the_answers(judged: list[tuple[float, bool]]) -> None:
    assert calibration(judged) == calibration(list(reversed(judged)))
    found = calibration(judged)
    assert found is not None and 0 <= found.ece <= 1 and 0 <= found.aurc <= 1
    assert found.risk_coverage[-1][:2] == (1, pytest.approx(sum(not right for _, right in judged) / len(judged)))


def test_without_answers_there_is_nothing_to_calibrate() -> None:
    assert calibration([]) is None
