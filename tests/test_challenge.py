"""A person objects to an answer of a run, and a new run goes on from there: evidence decides, not the last word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentfix import Agent, Check, EvidenceClass, InputError, JournalError, Remark, Settings, Task
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

PENS = "A box holds 12 pens. How many pens are in 7 boxes?"
RIGHT = "```python\nanswer = 7 * 12\n```"
WRONG = "```python\nanswer = 7 * 13\n```"
DERIVED = "7 times 12 is 84. The answer is 84."
CHECKED = Task(PENS, "math", (Check("assert answer == 84"),))


class Kept(SqliteJournal):
    """Outlives the agents that use it."""

    def __init__(self) -> None:
        super().__init__(None)

    async def aclose(self) -> None:
        """Stays open."""


def make(model, journal, **chosen) -> Agent:
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "kind": "math", "max_rounds": 2, **chosen})
    return Agent(settings, Plugins(settings, {"script": script_plugin(model)}), journal=journal)


def plain(result):
    return replace(result, seconds=0.0)


async def challenged(task, remark, *replies, rounds=2, **chosen):
    """A run, and the one that goes on from it after a remark: both results, all prompts, the journal."""
    model, journal = ScriptedModel(replies), Kept()
    async with make(model, journal, **chosen) as agent:
        first = await agent.arun(task, run_id="first")
        second = await agent.achallenge("first", remark, into="second", max_rounds=rounds)
        model.assert_done()
        return first, second, [request.messages for request in model.requests], journal


async def test_the_answer_stays_where_the_callers_checks_speak_for_it_and_the_reason_says_both_sides():
    first, second, _, _ = await challenged(CHECKED, "I think it is 91.", RIGHT, WRONG)
    assert (first.answer, second.answer, second.supported_by) == ("84", "84", EvidenceClass.CONTRACT)
    assert [attempt.answer for attempt in second.attempts] == ["84", "91"] and second.best == 0
    assert second.reason.startswith("the answer stays: ")
    assert "caller's checks pass" in second.reason
    assert "against it: a person says that it is wrong: I think it is 91." in second.reason
    assert second.continues == "first" and not first.continues


async def test_a_wrong_answer_is_given_up_and_the_reviser_is_told_what_the_person_said():
    said = "A box holds 12 pens, not 13."
    first, second, prompts, _ = await challenged(PENS, said, WRONG, DERIVED, RIGHT, rounds=1)
    assert (first.answer, second.answer) == ("91", "84")
    assert prompts[2][-2].content == WRONG and prompts[2][-1].content.startswith(f"{said}\n")
    assert second.standings[0].state == "refuted" and second.standings[0].kind is EvidenceClass.PERSON
    assert second.attempts[-1].answer == "84"


async def test_an_objection_without_stronger_evidence_against_it_is_not_answered_with_the_same_answer_as_if_unheard():
    _, second, _, _ = await challenged(Task("Who wrote Faust?", "text"), Remark("It was Schiller."), "Goethe.",
                                       "Goethe.", kind="text", strategy="none", rounds=1)
    assert [s.kind for s in second.standings] == [EvidenceClass.PERSON] * 2, "the same answer meets the same objection"
    assert second.abstained and second.reason.startswith("the answer stays: a person says that it is wrong")


async def test_a_revision_that_does_what_was_asked_wins_where_the_checks_hold_both_equal():
    task = Task("Write a function double(x).", "code", (Check("assert double(4) == 8"),))
    plainly, named = (f"```python\ndef double({x}):\n    return 2 * {x}\n```" for x in ("x", "number"))
    first, second, _, _ = await challenged(task, "Call the argument number.", plainly, named, kind="code")
    assert first.best == 0 and second.best == 1 and second.supported_by is EvidenceClass.CONTRACT


async def test_an_objection_makes_nobody_vote_for_another_answer():
    """What the person said is no independent voice, nor is who repeats it; what was objected to keeps its votes."""
    first, second, _, _ = await challenged(PENS, "The answer is 91.", RIGHT, DERIVED, WRONG, rounds=1)
    assert first.supported_by is EvidenceClass.AGREEMENT
    assert (second.answer, second.supported_by, second.abstained) == ("91", None, True)
    assert "for it: 2 of 2 independent attempts give 84" in second.reason


async def test_an_answer_objected_to_does_not_give_way_to_no_answer():
    empty = "```python\nraise ValueError\n```"
    first, second, _, _ = await challenged(PENS, Remark(), RIGHT, DERIVED, RIGHT, *[empty] * 3, rounds=2)
    assert first.supported_by is EvidenceClass.AGREEMENT and {a.answer for a in second.attempts} == {"84", None}
    assert second.answer == "84" and second.abstained and second.reason.startswith("the answer stays: a person says")


async def test_of_two_answers_objected_to_the_one_with_more_for_it_is_returned():
    model, journal = ScriptedModel([WRONG, DERIVED, RIGHT, RIGHT, *[RIGHT] * 20]), Kept()
    async with make(model, journal) as agent:
        await agent.arun(PENS, run_id="first")
        second = await agent.achallenge("first", Remark("no", attempt=0), into="second")
        third = await agent.achallenge("second", Remark("no", attempt=1))
    assert (second.answer, second.supported_by) == ("84", EvidenceClass.AGREEMENT)
    assert third.answer == "84" and third.abstained, "91 was objected to as well, and nothing speaks for it"


async def test_an_answer_that_no_critic_saw_is_reviewed_before_the_objection_decides():
    model, journal = ScriptedModel([RIGHT, WRONG]), Kept()
    async with make(model, journal, strategy="none") as agent:
        first = await agent.arun(CHECKED, run_id="first")
        second = await agent.achallenge("first", "I think it is 91.", strategy="critic", max_rounds=1)
    assert first.supported_by is None and first.critiques == ()
    assert (second.answer, second.supported_by) == ("84", EvidenceClass.CONTRACT)


async def test_an_answer_that_was_only_checked_is_mended_after_an_objection():
    model, journal = ScriptedModel([RIGHT]), Kept()
    async with make(model, journal) as agent:
        await agent.averify(CHECKED, "91", run_id="first")
        result = await agent.achallenge("first", "Count again.")
    assert (result.answer, result.supported_by) == ("84", EvidenceClass.CONTRACT)
    assert [attempt.author for attempt in result.attempts] == ["the caller", "scripted"]


async def test_the_new_run_can_be_taken_up_replayed_and_forked_without_the_first_one():
    _, second, _, journal = await challenged(CHECKED, "I think it is 91.", RIGHT, WRONG)
    journal.db.execute("DELETE FROM runs WHERE id = 'first'")
    model = ScriptedModel([])
    async with make(model, journal) as agent:
        assert plain(await agent.aresume("second")) == plain(second)
        assert plain(await agent.areplay("second")) == plain(second)
        forked = await agent.afork("second", len(await journal.calls("second")))
    assert (forked.attempts, forked.standings, forked.continues) == (second.attempts, second.standings, "first")


async def test_a_challenge_cut_off_in_the_middle_is_taken_up_with_what_was_said():
    class Interrupted(BaseException):
        pass

    journal = Kept()
    async with make(ScriptedModel([RIGHT, Interrupted()]), journal) as agent:
        await agent.arun(CHECKED, run_id="first")
        with pytest.raises(Interrupted):
            await agent.achallenge("first", "I think it is 91.", into="second")
    async with make(ScriptedModel([WRONG]), journal) as agent:
        result = await agent.aresume("second")
    assert [attempt.answer for attempt in result.attempts] == ["84", "91"] and result.best == 0


async def test_a_run_that_was_cut_off_after_an_attempt_goes_on_by_an_edited_critique():
    class Interrupted(BaseException):
        pass

    journal = Kept()
    async with make(ScriptedModel([WRONG, Interrupted()]), journal, max_rounds=4) as agent:
        with pytest.raises(Interrupted):
            await agent.arun(PENS, run_id="first")
    model = ScriptedModel([RIGHT, DERIVED, DERIVED.replace("84", "84.0"), RIGHT, RIGHT, DERIVED, DERIVED, DERIVED])
    async with make(model, journal) as agent:
        result = await agent.achallenge("first", Remark("A box holds 12 pens, not 13.", attempt=0))
    assert model.requests[0].messages[-1].content.startswith("A box holds 12 pens, not 13.")
    assert result.answer == "84" and result.attempts[1].parent == 0


async def test_a_review_that_was_cut_off_in_the_middle_is_done_anew():
    class Interrupted(BaseException):
        pass

    def stop(event):
        if event.kind == "tool_call" and event.data["caller"] == "critic":
            raise Interrupted  # critic `program` has spoken, the caller's checks were not run

    journal = Kept()
    async with make(ScriptedModel([RIGHT, WRONG]), journal) as agent:
        with pytest.raises(Interrupted):
            await agent.arun(CHECKED, run_id="first", on_event=stop)
        result = await agent.achallenge("first", "I think it is 91.", max_rounds=1)
    assert (result.answer, result.supported_by) == ("84", EvidenceClass.CONTRACT)


async def test_one_challenge_follows_another():
    model, journal = ScriptedModel([WRONG, "```python\nanswer = 7 * 11\n```", RIGHT]), Kept()
    async with make(model, journal, max_rounds=1) as agent:
        await agent.arun(CHECKED, run_id="first")
        await agent.achallenge("first", "Not 13.", into="second")
        third = await agent.achallenge("second", Remark("Not 11.", attempt=1), into="third")
    assert [attempt.answer for attempt in third.attempts] == ["91", "77", "84"]
    said = [e.detail for c in third.critiques if c.critic == "person" for e in c.evidence]
    assert said == ["Not 13.", "Not 11."] and third.answer == "84" and third.continues == "second"


async def test_what_can_not_be_objected_to_is_said():
    _, _, _, journal = await challenged(CHECKED, "I think it is 91.", RIGHT, WRONG)
    async with make(ScriptedModel([]), journal) as agent:
        for remark, said in ((Remark("no", attempt=7), "no attempt 7"), (Remark("", "supports"), "objection")):
            with pytest.raises(InputError, match=said):
                await agent.achallenge("first", remark)
        with pytest.raises(JournalError, match="no run 'other'"):
            await agent.achallenge("other", "no")


def test_it_can_be_called_without_an_event_loop():
    with make(ScriptedModel([RIGHT, WRONG]), SqliteJournal(None)) as agent:
        first = agent.run(CHECKED)
        assert agent.challenge(first.run_id, "I think it is 91.").answer == "84"


async def test_what_a_person_adds_belongs_to_the_question_and_the_votes_for_what_they_refuted_count_no_more():
    said, more = "One of the 7 boxes is empty.", ("```python\nanswer = 12 * 6\n```", "12 * 6 = 72.\nThe answer is 72.")
    first, second, prompts, _ = await challenged(PENS, said, RIGHT, DERIVED, *more, *more)
    assert (first.answer, second.answer, second.supported_by) == ("84", "72", EvidenceClass.AGREEMENT)
    assert all(said in prompt[-1].content for prompt in prompts[2:]), "who begins from the question is told too"
