"""The three rules, over random evidence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import Attempt, Check, Critique, Evidence, EvidenceClass, Standing, Task
from agentfix.evidence import admit, agreement, best, groups, rank, standing

ASKED, CHECKED = Task("q"), Task("q", checks=(Check("assert answer"),))
KINDS = st.sampled_from(EvidenceClass)
PIECES = st.builds(
    Evidence,
    KINDS,
    st.sampled_from(["supports", "refutes"]),
    st.text(max_size=3),
    st.just("someone"),
    st.sampled_from(["caller", "person", "instrument", "document", "model", "actor"]),
    st.sampled_from(["whole", "part", "necessary"]),
    st.floats(0, exclude_min=True, allow_infinity=False),
)
TASKS = st.sampled_from([ASKED, CHECKED])


def amounts_to(pieces, task=CHECKED) -> Standing:
    return standing([admitted for piece in pieces if (admitted := admit(piece, task)) is not None])


@given(st.lists(PIECES, max_size=8), st.lists(PIECES, max_size=8), TASKS)
def test_weaker_evidence_never_overturns_stronger(pieces, more, task):
    before = amounts_to(pieces, task)
    if before.state == "unsupported":
        return
    weaker = [e for e in more if (a := admit(e, task)) is not None and a.kind < before.kind]
    assert amounts_to([*pieces, *weaker], task) == before


@given(st.lists(PIECES, max_size=8).flatmap(lambda pieces: st.tuples(st.just(pieces), st.permutations(pieces))), TASKS)
def test_the_order_of_evidence_changes_nothing(both, task):
    one, other = (amounts_to(pieces, task) for pieces in both)
    assert (one.state, one.kind, one.weight) == (other.state, other.kind, other.weight)


@given(PIECES, TASKS)
def test_nobody_gives_stronger_evidence_than_he_can_stand_for(piece, task):
    admitted = admit(piece, task)
    if piece.coverage == "necessary" and piece.polarity == "supports":
        assert admitted is None
        return
    ceiling = {
        "actor": EvidenceClass.OPINION,
        "model": EvidenceClass.AGREEMENT,
        "document": EvidenceClass.RETRIEVAL,
        "instrument": EvidenceClass.MEASUREMENT,
        "person": EvidenceClass.PERSON,
        "caller": EvidenceClass.CONTRACT if task.checks else EvidenceClass.OPINION,
    }[piece.origin]
    assert admitted.kind is min(piece.kind, ceiling)
    assert replace(admitted, kind=piece.kind, weight=piece.weight) == piece


@given(st.lists(PIECES, max_size=8))
def test_support_and_refutation_within_one_class_are_left_open(pieces):
    found = amounts_to(pieces)
    decisive = {(e.polarity) for p in pieces if (e := admit(p, CHECKED)) is not None and e.kind == found.kind}
    if found.state == "contested":
        assert decisive == {"supports", "refutes"}
    if found.state == "supported":
        assert decisive == {"supports"}


@given(st.lists(st.lists(PIECES, max_size=4), min_size=1, max_size=8))
def test_the_best_attempt_is_the_earliest_of_the_strongest(evidence_of_each):
    standings = [amounts_to(pieces) for pieces in evidence_of_each]
    chosen = best([attempt(i, "7") for i in range(len(standings))], [], standings)
    assert all(rank(s) <= rank(standings[chosen]) for s in standings)
    assert all(rank(s) < rank(standings[chosen]) for s in standings[:chosen])


@given(st.lists(PIECES, min_size=1, max_size=8))
def test_support_beats_doubt_and_doubt_beats_refutation(pieces):
    found = amounts_to(pieces)
    nothing = amounts_to([])
    if found.state == "supported":
        assert rank(found) > rank(nothing)
    if found.state == "refuted":
        assert rank(found) < rank(nothing)


def test_without_attempts_there_is_no_best():
    assert best([], [], []) is None


def test_scores_order_what_evidence_holds_equal_and_nothing_else():
    three = [attempt(i, str(i)) for i in range(3)]
    scored = [Critique(0, "judge", "abstain", score=0.3), Critique(2, "judge", "abstain", score=0.6),
              Critique(2, "yes-no", "abstain", score=0.8)]
    open_ = Standing("contested", EvidenceClass.AGREEMENT)
    assert best(three, scored, [open_] * 3) == 2
    assert best(three, scored, [Standing("supported", EvidenceClass.OPINION, 0.1), open_, open_]) == 0


def test_an_attempt_that_is_unfinished_is_taken_only_where_there_is_no_other():
    begun, wrong = replace(attempt(0, None), unfinished=True), attempt(1, "7")
    standings = [Standing("unsupported", None), Standing("refuted", EvidenceClass.MEASUREMENT)]
    assert best([begun, wrong], [], standings) == 1
    assert best([begun], [], standings[:1]) == 0


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_a_weight_that_is_no_positive_number_does_not_count(weight):
    assert admit(Evidence(EvidenceClass.OPINION, "supports", "", "m", "model", weight=weight), ASKED) is None


def test_enormous_weights_can_be_summed():
    piece = Evidence(EvidenceClass.OPINION, "supports", "", "m", "model", weight=1.7e308)
    assert amounts_to([piece] * 3).weight < math.inf


# --- agreement -------------------------------------------------------------------------------------------------------


def attempt(number, answer, *, parent=None, role="program", temperature=0.7) -> Attempt:
    return Attempt(number, parent, role, "m", answer or "", answer, temperature=temperature)


def votes(*attempts):
    return agreement(attempts, groups(attempts, lambda a, b: a == b))


def test_the_majority_is_supported_by_its_margin_and_the_others_are_refuted():
    said = votes(*(attempt(i, answer) for i, answer in enumerate(["7", "8", "7", "7", None])))
    assert {number: (c.verdict, c.evidence[0].polarity, c.evidence[0].weight) for number, c in said.items()} == {
        0: ("accept", "supports", 2),
        1: ("revise", "refutes", 2),
        2: ("accept", "supports", 2),
        3: ("accept", "supports", 2),
    }


def test_a_tie_is_left_open():
    said = votes(*(attempt(i, answer) for i, answer in enumerate(["7", "8", "7", "8"])))
    assert {c.verdict for c in said.values()} == {"abstain"}
    assert all(standing(c.evidence).state == "contested" for c in said.values())


def test_a_revision_has_no_voice_because_it_saw_the_answer():
    assert votes(attempt(0, "7"), attempt(1, "7", parent=0)) == {}


def test_a_mended_crash_has_a_voice_because_there_was_no_answer_to_see():
    said = votes(attempt(0, None), attempt(1, "7", parent=0), attempt(2, "7"))
    assert {c.verdict for c in said.values()} == {"accept"}


def test_greedy_attempts_from_one_prompt_have_one_voice_together():
    assert votes(attempt(0, "7", temperature=0), attempt(1, "7", temperature=0)) == {}
    assert votes(attempt(0, "7", temperature=0), attempt(1, "7", role="derivation", temperature=0)) != {}


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3", None]), st.booleans()), max_size=9))
def test_only_an_answer_that_no_rival_equals_is_supported(drawn):
    attempts = [attempt(i, answer, temperature=0.7 if warm else 0.0) for i, (answer, warm) in enumerate(drawn)]
    supported = {attempts[i].answer for i, c in votes(*attempts).items() if standing(c.evidence).state == "supported"}
    assert len(supported) <= 1


def test_a_mere_plurality_leads_but_does_not_support():
    five = [attempt(i, answer) for i, answer in enumerate(["7", "8", "9", "9", "6"])]
    said = votes(*five)
    standings = [standing(said[i].evidence) for i in range(5)]
    assert (standings[2].state, said[2].verdict) == ("unsupported", "abstain")
    assert best(five, [], standings) == 2


def test_what_stronger_evidence_refutes_has_no_voice_and_taints_no_revision():
    attempts = [attempt(0, "7"), attempt(1, "8", parent=0), attempt(2, "8")]
    said = agreement(attempts, groups(attempts, lambda a, b: a == b), refuted={0})
    assert {said[1].verdict, said[2].verdict} == {"accept"}


def test_where_many_answers_are_right_another_one_speaks_against_none():
    attempts = [attempt(i, answer) for i, answer in enumerate(["7", "8", "9", "9"])]
    said = agreement(attempts, groups(attempts, lambda a, b: a == b), many_answers=True)
    assert {number: standing(c.evidence).state for number, c in said.items()} == {2: "unsupported", 3: "unsupported"}
    twice = agreement(attempts[:2], [0, 0], many_answers=True)
    assert {standing(c.evidence).state for c in twice.values()} == {"supported"}


def test_near_greedy_copies_are_one_voice():
    assert votes(*(attempt(i, "7", temperature=1e-9) for i in range(8))) == {}
