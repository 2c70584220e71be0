"""What is guessed, how sure it is, and how much of it is worth checking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix.models.llamacpp.drafts import LIKE_TOKENS, MOST_TOKENS, Drafts
from agentfix.models.llamacpp.guessing import FORGOTTEN_STEPS, MOST_GUESSES, Durations, worth_checking

PROCESSOR = {1: 26.0, 2: 47.0, 4: 81.0, 8: 133.0, 12: 166.0, 16: 166.0, 24: 254.0, 32: 295.0}
"""Milliseconds of a batch on two cores: a row costs half a batch of one, and 13 to 16 cost the same."""
GRAPHICS = {1: 2.4, 16: 3.0, 64: 4.0}
"""On a GPU rows are nearly free."""


def measured(milliseconds: dict[int, float]) -> Durations:
    durations = Durations()
    for rows, each in milliseconds.items():
        durations.add(rows, each / 1000)
    return durations


def written(drafts: Drafts, tokens: list[int]) -> Drafts:
    for token in tokens:
        drafts.add(token)
    return drafts


def test_a_text_that_goes_on_as_before_is_guessed_from_there():
    drafts = Drafts([1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert drafts.guess(8) == []
    assert written(drafts, [20, 3, 4, 5]).guess(2) == [6, 7]
    drafts.add(6)
    assert drafts.guess(8) == [7, 8, 9, 20, 3, 4, 5, 6]


def test_after_a_change_it_is_followed_a_little_behind_where_it_was_left():
    line = [1, 2, 3]
    drafts = written(Drafts([*line, 10, *line, 11, *line, 12, 13]), [50, *line])
    assert drafts.guess(1) == [10]
    assert written(drafts, [60, *line]).guess(1) == [11]


def test_the_longer_it_goes_on_as_before_the_surer_it_is():
    drafts = Drafts(list(range(100)))
    chances = list[float]()
    for token in range(10, 40):
        drafts.add(token)
        if drafts.guess(1):
            chances.append(drafts.chance)
    assert len(chances) == 30 - LIKE_TOKENS + 1
    assert chances == sorted(chances)
    assert chances[0] < 0.4 and chances[-1] > 0.95


def test_what_held_makes_later_guesses_surer_and_what_failed_less_sure():
    def chance(right: int) -> float:
        drafts = written(Drafts(list(range(100))), [3, 4, 5])
        drafts.guess(8)
        drafts.judged(8, right)
        return drafts.chance

    assert chance(8) > chance(4) > chance(0)
    assert chance(0) < 0.33 < 0.6 < chance(8)


def test_failures_are_forgotten_when_guesses_hold_again():
    drafts = written(Drafts(list(range(100))), [3, 4, 5])
    drafts.guess(8)
    for _ in range(40):
        drafts.judged(8, 0)
    low = drafts.chance
    for _ in range(10):
        drafts.judged(8, 8)
    assert low < 0.1 and drafts.chance > 0.8


@given(st.lists(st.integers(0, 3), max_size=80), st.lists(st.integers(0, 3), min_size=1, max_size=80),
       st.integers(0, 40))
def test_a_guess_is_what_followed_the_same_tokens_before(prompt: list[int], text: list[int], most: int):
    drafts, tokens = Drafts(prompt), list(prompt)
    for token in text:
        drafts.add(token)
        tokens.append(token)
        guess = drafts.guess(most)
        assert len(guess) <= min(most, MOST_TOKENS)
        assert 0 <= drafts.chance < 1
        if guess:
            like = tokens[-LIKE_TOKENS:]
            assert any(tokens[at:at + LIKE_TOKENS] == like
                       and tokens[at + LIKE_TOKENS:at + LIKE_TOKENS + len(guess)] == guess
                       for at in range(len(tokens) - LIKE_TOKENS))


def test_nothing_is_checked_before_a_batch_was_timed():
    assert worth_checking([(0.99, 32)], 0, Durations()) == [0]


def test_on_two_cores_only_long_and_sure_guesses_pay_alone():
    durations = measured(PROCESSOR)
    assert worth_checking([(0.75, 32)], 0, durations) == [0]
    assert worth_checking([(0.97, 32)], 0, durations)[0] >= 15


def test_rows_that_cost_nothing_more_are_filled():
    """Twelve completions are written; four more rows are free, a fifth is not."""
    lengths = worth_checking([(0.4, 32)] * 2 + [(0.0, 0)] * 10, 0, measured(PROCESSOR))
    assert lengths == [2, 2, *[0] * 10]


def test_the_surest_are_checked_first():
    high, low = worth_checking([(0.9, 32), (0.5, 32)], 0, measured(GRAPHICS))
    assert high > low > 0


def test_where_rows_are_nearly_free_all_that_may_be_right_is_checked():
    assert sum(worth_checking([(0.95, 32)] * 4, 0, measured(GRAPHICS))) > 50
    assert sum(worth_checking([(0.99, 32)] * 20, 0, measured(GRAPHICS))) <= MOST_GUESSES


def test_beside_a_prompt_that_is_read_a_guess_is_judged_by_what_its_own_rows_cost():
    durations = measured({1: 1.0, 64: 64.0, 128: 128.0})
    assert worth_checking([(0.9, 32)], 64, durations) == worth_checking([(0.9, 32)], 0, durations) == [0]


def test_larger_batches_than_any_so_far_are_tried():
    assert worth_checking([(0.9, 32)], 0, measured({1: 26.0})) == [3]
    assert worth_checking([(0.97, 32)], 0, measured({1: 26.0, 4: 40.0})) == [15]


def test_a_batch_that_was_held_up_once_is_not_shunned():
    durations = measured({1: 10.0, 8: 500.0, 16: 20.0})
    assert durations.of(8) == pytest.approx(0.020)


def test_between_two_numbers_of_rows_the_time_lies_between():
    durations = measured({2: 20.0, 4: 40.0})
    assert durations.of(3) == pytest.approx(0.030)
    assert 0.010 <= durations.of(1) < 0.020
    assert 0.040 < durations.of(8) < 0.080


def test_old_times_are_not_believed_any_more():
    durations = measured({1: 10.0, 4: 1000.0})
    for _ in range(FORGOTTEN_STEPS + 1):
        durations.add(1, 0.010)
    assert durations.of(4) < 0.050


def test_the_last_times_count_most():
    durations = measured({1: 10.0})
    for _ in range(20):
        durations.add(1, 0.050)
    assert durations.of(1) == pytest.approx(0.050, rel=0.01)
