"""One number for how sure a run may be of its answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import Attempt, Critique, Evidence, EvidenceClass, Result, Task, Tree, Usage, confidence_of
from agentfix.evidence import agreement, best, groups, standing


def tree(*answers, said=(), scores=None, revises=None):
    """A tree of answers.

    Args:
        said: (class, polarity, weight) of the first attempt.
        scores: of the first attempt, by critic.
        revises: what an attempt revises, by id.
    """
    attempts = tuple(Attempt(i, (revises or {}).get(i), "program", "m", str(a), a, temperature=0.7)
                     for i, a in enumerate(answers))
    found = [Evidence(kind, polarity, "so", "it", "instrument", weight=weight) for kind, polarity, weight in said]
    critiques = [Critique(0, "check", "abstain", evidence=tuple(found))] if said else []
    critiques += [Critique(0, f"critic {i}", "abstain", score=score) for i, score in enumerate(scores or ())]
    grouped = groups(attempts, lambda a, b: a == b)
    critiques += agreement(attempts, grouped).values()
    standings = [standing([e for c in critiques if c.attempt == a.id for e in c.evidence]) for a in attempts]
    return Tree(Task("q"), attempts, tuple(critiques), tuple(standings), best(attempts, critiques, standings), grouped)


def test_no_answer_has_no_confidence():
    assert confidence_of(tree()) == confidence_of(tree(None)) == 0.0


def test_more_independent_attempts_that_agree_make_it_surer():
    two, three, split = tree("1", "1"), tree("1", "1", "1"), tree("1", "1", "2", "3")
    assert confidence_of(three) > confidence_of(two) > confidence_of(split) > 0.3


@pytest.mark.parametrize(("answers", "share"), [
    (("7", "7"), 3 / 4), (("7",) * 8, 9 / 10), (("7", "7", "7", "5", "4"), 4 / 7), (("7", "7", "5", "4", "3"), 3 / 7),
])
def test_where_attempts_vote_it_is_the_share_that_agrees(answers, share):
    assert confidence_of(tree(*answers)) == pytest.approx(share)


def test_a_tie_is_as_undecided_as_no_check_at_all():
    assert confidence_of(tree("7", "5")) == confidence_of(tree("7"))


def test_a_result_and_the_tree_that_it_comes_from_have_one_confidence():
    held = tree("7", "7", "5", scores=[0.4])
    result = Result("run", "7", EvidenceClass.AGREEMENT, False, "", "", held.best, "math", held.attempts,
                    held.critiques, held.standings, Usage(), 1.0)
    assert confidence_of(result) == confidence_of(held)


def test_a_revision_that_repeats_its_answer_makes_nothing_surer():
    assert confidence_of(tree("1", "1", "1", revises={2: 0})) == confidence_of(tree("1", "1"))


@pytest.mark.parametrize("scores", [(), (0.5,)])
def test_it_rises_from_refuted_to_the_callers_own_checks(scores):
    order = [("refutes", EvidenceClass.MEASUREMENT), None, *(("supports", kind) for kind in EvidenceClass)]
    found = [confidence_of(tree("1", said=[(each[1], each[0], 1.0)] if each else (), scores=scores)) for each in order]
    assert found == sorted(set(found))


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.sampled_from(EvidenceClass))
def test_it_rises_with_weight_for_an_answer_and_falls_with_weight_against_it(one, other, kind):
    low, high = sorted((one, other))
    for polarity, (less, more) in (("supports", (low, high)), ("refutes", (high, low))):
        assert confidence_of(tree("1", said=[(kind, polarity, less)])) <= confidence_of(
            tree("1", said=[(kind, polarity, more)]))


@given(st.lists(st.floats(0, 1), max_size=4), st.lists(st.sampled_from(["1", "2", None]), max_size=5),
       st.lists(st.tuples(st.sampled_from(EvidenceClass), st.sampled_from(["supports", "refutes"]),
                          st.floats(0.01, 1e6)), max_size=3))
def test_it_is_a_number_from_0_to_1(scores, more, said):
    assert 0 <= confidence_of(tree("1", *more, said=said, scores=scores)) <= 1


def test_what_critics_score_moves_it_within_its_class():
    measured = [(EvidenceClass.MEASUREMENT, "supports", 1.0)]
    doubted, sure = (confidence_of(tree("1", said=measured, scores=[s])) for s in (0.1, 0.9))
    unmeasured = confidence_of(tree("1", scores=[1.0]))
    assert unmeasured < doubted < confidence_of(tree("1", said=measured)) < sure
