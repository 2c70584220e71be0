"""The strategies that try again: what each makes of what went wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from agentfix_plugins.retrying.first_error import FirstErrorCritic, read_step
from agentfix_plugins.retrying.iterative_deepening import IterativeDeepening
from agentfix_plugins.retrying.rewind import Rewind
from agentfix_plugins.retrying.scores import composite
from agentfix_plugins.retrying.selective import Selective

from agentfix import (
    Attempt,
    Check,
    Critique,
    Evidence,
    EvidenceClass,
    Expand,
    Observation,
    Plugins,
    Review,
    Settings,
    Step,
    Stop,
    Task,
    UsageError,
)
from agentfix.testing import ScriptedModel, critic_context
from tests.plugins.retries import BOX, PROSE, attempt, block, next_of, run, said, tree

ALL = ("reflexion", "iterative-deepening", "rewind", "selective")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("argument", ["0", "1000", "many", "-1", "٣"])
def test_a_wrong_number_is_told_with_what_is_possible(name, argument):
    with pytest.raises(UsageError, match=f"'{name}' takes a number from 1 to"):
        Plugins(Settings()).build("strategy", name, argument)


@pytest.mark.parametrize("name", ALL)
def test_all_begin_with_the_greedy_attempt_and_stop_at_once_when_a_check_supports_it(name):
    strategy = Plugins(Settings()).build("strategy", name, "1")
    assert next_of(strategy, [], []) == [Expand()]
    assert next_of(strategy, [attempt(0)], []) == [Review((0,))]
    [move] = next_of(strategy, [attempt(0)], [said(0, "accept")])
    assert isinstance(move, Stop) and move.attempt == 0


@pytest.mark.parametrize("name", ("iterative-deepening", "rewind", "selective"))
def test_what_acted_is_mended_whole_and_only_when_more_than_its_author_faults_it(name):
    strategy = Plugins(Settings()).build("strategy", name)
    acted = [attempt(0, role="act", steps=(Step("pay"),))]
    task, faulted = Task("Pay.", "tools"), [said(0, "revise", feedback="It was not paid.")]
    assert next_of(strategy, acted, faulted, task=task, roles=("act",), acts=(1,)) == [
        Expand(parent=0, guidance="It was not paid.", role="act")]
    doubt = Evidence(EvidenceClass.OPINION, "refutes", "I doubt it", "actor", "actor")
    own = [Critique(0, "verify", "revise", "Pay again.", (doubt,))]
    assert isinstance(next_of(strategy, acted, own, task=task, roles=("act",), acts=(1,))[0], Stop)


# --- iterative deepening ----------------------------------------------------------------------------------------


async def test_each_level_draws_twice_as_many_as_the_one_before():
    crash = block("answer = nothing")
    result, requests = await run("iterative-deepening:3", [crash] * (1 + 1 + 2 + 1 + 4 + 1))
    assert [(r.n, r.sampling.temperature > 0) for r in requests] == [
        (1, False), (1, False), (2, True), (1, False), (4, True), (1, False)]
    assert result.stop_reason == "all 3 levels were drawn"
    assert [a.parent for a in result.attempts] == [None, 0, None, None, 2, None, None, None, None, 5]


def test_a_level_ends_with_a_correction_of_its_best_from_the_first_wrong_step():
    strategy = IterativeDeepening()
    [move] = next_of(strategy, [attempt(0)], [said(0, "revise", step=3)])
    assert (move.parent, move.keep_steps) == (0, 3)
    assert move.guidance.startswith("Wait!")
    attempts = [attempt(0), attempt(1, parent=0), attempt(2), attempt(3, "60")]
    critiques = [said(0, "abstain"), said(1, "abstain"), said(2, "revise"), said(3, "abstain", score=0.9)]
    [move] = next_of(strategy, attempts, critiques)
    assert (move.parent, move.keep_steps) == (3, 2), "the best of the level; nobody knows where, so half is kept"


def test_a_supported_level_is_the_last():
    agreed = Evidence(EvidenceClass.AGREEMENT, "supports", "3 of 3", "agreement", "model", weight=3)
    critiques = [said(i, "abstain") for i in range(4)] + [Critique(i, "agreement", "accept", "", (agreed,))
                                                          for i in range(4)]
    attempts = [attempt(0), attempt(1, parent=0), attempt(2), attempt(3)]
    assert next_of(IterativeDeepening(), attempts, critiques) == [Stop("3 of 3", 0)]


# --- rewind -----------------------------------------------------------------------------------------------------


async def test_the_prefix_before_the_first_wrong_step_is_kept_word_for_word():
    wrong = block("def solution():\n    crates = 4  # of them\n\n    return jars * crates")
    rest = block("    jars = 15\n    return jars * crates")
    result, requests = await run("rewind", [wrong, rest, "4 times 15 is 60.\n\nThe answer is 60"])
    kept, told = requests[1].messages[-2:]
    assert (kept.role, kept.content) == ("assistant", "```python\ndef solution():\n    crates = 4  # of them")
    assert "return jars * crates" in told.content and "NameError" in told.content, "it is told what was wrong"
    assert result.attempts[1].text.startswith(kept.content)
    assert (result.answer, result.supported_by) == ("60", EvidenceClass.AGREEMENT)


def test_a_critic_that_knows_the_step_is_believed_before_the_failing_line():
    failed = Observation("python", "error", "", {"error": "NameError", "line": 3})
    program = "a = 1\nb = 2\nc = d"
    one = attempt(0, None, f"First:\n{block(program)}", program=program, observation=failed)
    [move] = next_of(Rewind(), [one], [said(0, "revise", feedback="NameError")])
    assert move.keep_steps == 4, "a line of prose and a fence stand before the program"
    [move] = next_of(Rewind(), [one], [said(0, "revise", feedback="NameError"),
                                       said(0, "revise", critic="other", step=3)])
    assert move.keep_steps == 3


def test_where_nobody_knows_the_step_first_error_is_asked_and_then_believed():
    refuted = said(0, "revise", feedback="It is too small.")
    assert next_of(Rewind(), [attempt(0)], [refuted]) == [Review((0,), ("first-error",))]
    looked = said(0, "revise", EvidenceClass.OPINION, critic="first-error", step=2)
    [move] = next_of(Rewind(), [attempt(0)], [refuted, looked])
    assert (move.parent, move.keep_steps) == (0, 2)
    assert move.guidance == "What you wrote next was wrong:\nSo nineteen in all.\nIt is too small."


@pytest.mark.parametrize("looked", [said(0, "abstain", critic="first-error"),
                                    said(0, "revise", EvidenceClass.OPINION, critic="first-error", step=0)])
def test_without_a_prefix_all_is_revised(looked):
    refuted = said(0, "revise", feedback="It is too small.")
    assert next_of(Rewind(), [attempt(0)], [refuted, looked]) == [
        Expand(parent=0, guidance="It is too small.", role="program")]
    [move] = next_of(Rewind(), [attempt(0, role="derivation")], [refuted, looked])
    assert (move.parent, move.keep_steps) == (0, 0), "the prompt of a derivation shows no parent"


def test_a_revision_that_changed_nothing_is_written_anew_and_then_given_up():
    refuted = [said(i, "revise", feedback="No.", step=2) for i in range(3)]
    twice = [attempt(0), attempt(1, parent=0)]
    [move] = next_of(Rewind(), twice, refuted[:2])
    assert (move.parent, move.keep_steps) == (1, None) and move.temperature > 0
    assert next_of(Rewind(), [*twice, attempt(2, parent=1)], refuted) == [Expand(role="derivation")]


def test_it_goes_back_no_more_often_than_it_may():
    texts = [PROSE, f"{PROSE}.", f"{PROSE}!"]
    attempts = [attempt(i, text=text, parent=i - 1 if i else None) for i, text in enumerate(texts)]
    critiques = [said(i, "revise", feedback="No.", step=2) for i in range(3)]
    assert isinstance(next_of(Rewind(3), attempts, critiques)[0], Expand)
    assert isinstance(next_of(Rewind(2), attempts, critiques, roles=("program",))[0], Stop)


# --- selective --------------------------------------------------------------------------------------------------


async def test_what_scores_high_is_not_critiqued():
    sixty = block("answer = 60")
    result, requests = await run("selective:3", [sixty, sixty, sixty])
    assert sum(request.n for request in requests) == 3
    assert not [critique for critique in result.critiques if critique.critic == "first-error"]
    assert result.stop_reason.startswith("attempt 0 scores 1.00")


async def test_a_low_winner_is_challenged_revised_and_beaten_only_by_a_higher_score():
    fault = json.dumps({"feedback": "The jars of one crate are added.", "first_wrong_step": 1})
    fine = json.dumps({"feedback": "", "first_wrong_step": -1})
    result, requests = await run("selective:1", [block("answer = 15 + 4"), fault, block("answer = 15 * 4"), fine])
    assert "This step is wrong:\nanswer = 15 + 4\nThe jars of one crate are added." in requests[2].messages[-1].content
    assert (result.answer, result.stop_reason[:20]) == ("60", "attempt 1 scores 0.7")
    assert result.abstained, "an opinion is no evidence that counts"


async def test_what_a_check_said_is_critique_enough():
    task = replace(BOX, checks=(Check("assert answer == 60"),))
    result, requests = await run("selective:1", [block("answer = 15 + 4"), block("answer = 15 * 4")], task)
    assert "assert answer == 60" in requests[1].messages[-1].content
    assert (result.best, result.supported_by) == (1, EvidenceClass.CONTRACT)


def test_the_score_decides_which_attempt_is_critiqued():
    attempts = [attempt(0, "1"), attempt(1, "2"), attempt(2, "3")]
    critiques = [said(0, "abstain", score=0.2), said(1, "abstain", score=0.6), said(2, "abstain", score=0.4)]
    assert next_of(Selective(3), attempts, critiques) == [Review((1,), ("first-error",))]
    cleared = [*critiques, said(1, "accept", EvidenceClass.OPINION, critic="first-error")]
    assert next_of(Selective(3), attempts, cleared) == [Review((2,), ("first-error",))], "it is not revised"
    faulted = [*critiques, said(1, "revise", EvidenceClass.OPINION, critic="first-error", feedback="No.")]
    assert next_of(Selective(3), attempts, faulted) == [Review((2,), ("first-error",))], "it is no longer the best"


def test_each_answer_is_revised_once_and_three_revisions_are_all():
    attempts = [attempt(0, "1"), attempt(1, "2", parent=0), attempt(2, "1", parent=1), attempt(3, "2", parent=2)]
    faulted = [said(i, "revise", feedback="No.") for i in range(4)]
    assert next_of(Selective(1), attempts[:1], faulted[:1]) == [Expand(parent=0, guidance="No.", role="program")]
    [move] = next_of(Selective(1), attempts[:3], faulted[:3])
    assert isinstance(move, Stop) and "not revised" in move.reason
    [move] = next_of(Selective(1), attempts, faulted)
    assert isinstance(move, Stop) and move.reason.startswith("3 revisions were made")


def test_evidence_sets_the_range_of_a_score_and_opinions_the_place_in_it():
    def score(*critiques):
        given = tree([attempt(0)], critiques)
        return composite(given, given.attempts[0])

    refuted, supported = said(0, "revise", score=1.0), said(0, "accept", score=0.0)
    thought, doubted = said(0, "abstain", score=0.9), said(0, "abstain", score=0.1)
    assert score(refuted) <= 0.25 < score(doubted) < score() < score(thought) < 0.75 <= score(supported)


# --- first-error --------------------------------------------------------------------------------------------------


async def judged(reply, text=PROSE, *, author="actor", steps=()):
    model = ScriptedModel([reply], name="judge")
    one = Attempt(0, None, "derivation", author, text, "19", steps=steps)
    [critique] = await FirstErrorCritic().review(BOX, [one], critic_context(model, task=BOX, attempts=[one]))
    return critique, model.requests


async def test_the_first_wrong_step_is_named_as_an_opinion():
    reply = json.dumps({"feedback": "It should multiply.", "first_wrong_step": 2})
    critique, [request] = await judged(reply)
    assert "[2] So nineteen in all." in request.messages[-1].content
    assert request.schema["properties"]["first_wrong_step"] == {"enum": [-1, 0, 1, 2, 3]}
    assert (critique.verdict, critique.step) == ("revise", 2)
    assert critique.feedback == "This step is wrong:\nSo nineteen in all.\nIt should multiply."
    [opinion] = critique.evidence
    assert (opinion.kind, opinion.origin) == (EvidenceClass.OPINION, "model")
    assert (await judged(reply, author="judge"))[0].evidence[0].origin == "actor", "it judges itself"


async def test_no_wrong_step_is_an_opinion_for_the_answer():
    critique, _ = await judged(json.dumps({"feedback": "", "first_wrong_step": -1}))
    assert (critique.verdict, critique.step, critique.evidence[0].polarity) == ("accept", None, "supports")


@pytest.mark.parametrize("reply", ["", "step 2", "[2]", '{"first_wrong_step": 9}', '{"first_wrong_step": true}',
                                   '{"first_wrong_step": "2"}', '{"first_wrong_step": -2}',
                                   '{"first_wrong_step": 1, "first_wrong_step": -1}', "{}", "[" * 100_000])
async def test_a_step_that_can_t_be_read_is_no_verdict(reply):
    critique, _ = await judged(reply)
    assert (critique.verdict, critique.step, critique.evidence) == ("abstain", None, ())


def test_a_reply_in_a_code_fence_is_read():
    assert read_step('```json\n{"feedback": "No.", "first_wrong_step": 1}\n```', 2) == (1, "No.")


async def test_acts_are_no_steps_of_text():
    critique, requests = await judged("", steps=(Step("pay"),))
    assert (critique.verdict, requests) == ("abstain", [])
