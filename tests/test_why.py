"""Why the best answer changed."""

from __future__ import annotations

from agentfix.evidence import remarked
from agentfix.types import Attempt, Critique, Evidence, EvidenceClass, Polarity, Remark, Round, Usage
from agentfix.why import changes

FAILS = Evidence(EvidenceClass.CONTRACT, "refutes", "1 of 3 checks pass", "caller", "caller")
PASSES = Evidence(EvidenceClass.CONTRACT, "supports", "3 of 3 checks pass", "caller", "caller")
LIKED = Evidence(EvidenceClass.OPINION, "supports", "it looks right", "m", "model")


def attempts(*answers: str | None, temperature: float = 0.8) -> list[Attempt]:
    return [
        Attempt(n, None, "actor", "m", answer or "", answer, temperature=temperature)
        for n, answer in enumerate(answers)
    ]


def rounds(*ends: tuple[int, int]) -> list[Round]:
    return [Round(count, best, Usage()) for count, best in ends]


def test_a_change_is_linked_to_what_speaks_for_the_new_and_against_the_old():
    said = [
        Critique(0, "tests", "revise", "", (FAILS,)),
        Critique(0, "judge", "accept", "", (LIKED,)),
        Critique(1, "tests", "accept", "", (PASSES,)),
    ]
    first, second = changes(attempts("a", "b"), said, rounds((1, 0), (2, 1)), 1)
    assert (first.before, first.after, first.attempts) == (None, 0, 1)
    assert (second.before, second.after, second.attempts) == (0, 1, 2)
    assert [(c.attempt, c.critic, c.evidence) for c in second.causes] == [(1, "tests", PASSES), (0, "tests", FAILS)]
    assert (
        second.reason == "attempt 1 is supported by contract (3 of 3 checks pass); attempt 0 is refuted by contract "
        "(1 of 3 checks pass)"
    )


def test_votes_are_those_there_were_then_and_the_end_tells_what_is_known_at_last():
    vote = Critique(
        0, "agreement", "accept", "", (Evidence(EvidenceClass.AGREEMENT, "supports", "3 of 3", "e", "model"),)
    )
    first, last = changes(attempts("80", "80", "80"), [vote], rounds((1, 0), (3, 0)), 0)
    assert (first.causes, first.attempts) == ((), 1)
    assert (last.before, last.after, last.attempts) == (0, 0, 3)
    assert "supported by agreement" in last.reason
    assert [cause.critic for cause in last.causes] == ["agreement"]


def test_what_critics_score_is_told_where_evidence_holds_attempts_equal():
    said = [Critique(0, "judge", "abstain", score=0.3), Critique(1, "judge", "abstain", score=0.9)]
    _, second = changes(attempts("a", "b"), said, rounds((1, 0)), 1)
    assert second.reason == "evidence holds attempts 1 and 0 equal; critics score attempt 1 0.90, attempt 0 0.30"
    assert second.causes == ()


def test_a_run_that_never_changed_its_mind_says_what_its_answer_stands_on():
    (only,) = changes(attempts("a"), [Critique(0, "tests", "accept", "", (PASSES,))], rounds((1, 0), (1, 0)), 0)
    assert [cause.evidence for cause in only.causes] == [PASSES]


def test_without_attempts_nothing_changed():
    assert changes([], [], [], None) == ()


def by_person(attempt: int, polarity: Polarity, text: str = "") -> Critique:
    return remarked(Remark(text, polarity), attempt)


def test_what_a_person_says_of_an_answer_later_is_no_cause_of_it_and_is_told_at_last():
    said = [by_person(0, "refutes", "It is 91."), Critique(0, "tests", "accept", "", (LIKED,))]
    first, since = changes(attempts("84"), said, rounds((1, 0)), 0)
    assert first.reason == "attempt 0 is supported by opinion (it looks right)"
    assert [cause.critic for cause in first.causes] == ["tests"]
    assert since.reason == "attempt 0 is refuted by person (a person says that it is wrong: It is 91.)"
    assert [(cause.critic, cause.evidence.polarity) for cause in since.causes] == [("person", "refutes")]


def test_an_objection_to_an_answer_that_nothing_spoke_for_is_told_too():
    first, since = changes(attempts("84"), [by_person(0, "refutes")], rounds((1, 0)), 0)
    assert "unsupported" in first.reason and first.causes == ()
    assert "refuted by person" in since.reason and len(since.causes) == 1


def test_an_objection_that_a_run_goes_on_from_is_the_cause_where_nothing_else_is():
    said = [by_person(0, "refutes", "It is 84."), by_person(1, "refutes", "Worse.")]
    first, second, since = changes(attempts("91", "84"), said, rounds((1, 0), (2, 1)), 1, unopposed=1)
    assert first.reason.startswith("attempt 0 is unsupported")
    assert second.reason.startswith("attempt 1 is unsupported")
    assert second.reason.endswith("attempt 0 is refuted by person (a person says that it is wrong: It is 84.)")
    assert [(cause.attempt, cause.critic) for cause in second.causes] == [(0, "person")]
    assert since.reason.startswith("attempt 1 is refuted by person") and "Worse." in since.reason
