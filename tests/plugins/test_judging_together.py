"""Judging critics that are made of several judgements or critics, and all of them in runs."""

from __future__ import annotations

from itertools import count

import pytest

from agentfix import (
    Agent,
    Check,
    EvidenceClass,
    Expand,
    Plugins,
    Review,
    Settings,
    Stop,
    Task,
    UnknownNameError,
    UsageError,
    hookimpl,
)
from agentfix.testing import ScriptedModel, script_plugin
from tests.plugins.judged import attempts, critic, likely, prompts, review, said

# --- panel ------------------------------------------------------------------------------------------------------------

POINTS = (said(points=["3 times 4 is 12.", "It has no unit."]), said(points=[]), said(points=["A cat has 5 legs."]))


async def test_only_the_points_of_a_panel_that_hold_reach_the_reviser():
    model = ScriptedModel([*POINTS, said(classes=["valid", "nitpick", "wrong"])])
    [critique] = await review("panel", attempts("13"), model)
    assert (critique.verdict, critique.feedback) == ("revise", "- 3 times 4 is 12.")
    assert critique.score == pytest.approx(2 / 3), "one of three critics is right about a fault"
    assert critique.evidence[0].detail.splitlines() == [
        "valid: 3 times 4 is 12.", "nitpick: It has no unit.", "wrong: A cat has 5 legs."]


async def test_the_judges_of_a_panel_look_for_different_faults():
    model = ScriptedModel([said(points=[])] * 3)
    [critique] = await review("panel", attempts("12"), model)
    assert len(set(prompts(model))) == 3
    assert (critique.verdict, critique.score, critique.evidence[0].polarity) == ("accept", 1.0, "supports")


async def test_a_panel_whose_points_don_t_hold_accepts():
    model = ScriptedModel([*POINTS, said(classes=["wrong", "nitpick", "wrong"])])
    [critique] = await review("panel", attempts("12"), model)
    assert (critique.verdict, critique.feedback) == ("accept", "")


@pytest.mark.parametrize("summary", ["", "all valid", said(classes=["valid"]),
                                     said(classes=["valid", "good", "wrong"])])
async def test_a_summary_that_can_t_be_read_is_an_abstention(summary):
    [critique] = await review("panel", attempts("12"), ScriptedModel([*POINTS, summary]))
    assert (critique.verdict, critique.evidence) == ("abstain", ())


async def test_a_panel_of_named_critics_keeps_what_holds_of_theirs():
    model = ScriptedModel([said(critique="3 times 4 is 12.", score=1), likely(Yes=0.1, No=0.9),
                           said(classes=["valid", "nitpick"])])
    [critique] = await review("panel:judge,yes-no:Is it polite?", attempts("13"), model)
    assert critique.feedback == "- 3 times 4 is 12."
    assert "2. The answer to this question should be Yes, and is not: Is it polite?" in prompts(model)[-1]


async def test_who_has_no_verdict_makes_no_point():
    found = await review("panel:judge:pairwise", attempts("12"), ScriptedModel([]))
    assert [(c.verdict, c.evidence) for c in found] == [("abstain", ())], "there is nothing to compare it with"


async def test_a_member_that_is_against_an_answer_and_does_not_say_why_is_not_passed_over():
    wrong = [likely(A=0.1, B=0.9), likely(A=0.9, B=0.1)]
    model = ScriptedModel([*wrong, likely(Yes=0.9, No=0.1)])
    [critique] = await review("panel:p-true,yes-no", attempts("13"), model)
    assert (critique.verdict, critique.evidence) == ("abstain", ())


# --- ensemble ---------------------------------------------------------------------------------------------------------


async def test_the_worst_case_takes_the_lowest_score():
    model = ScriptedModel([said(critique="Too short.", score=9), likely(Yes=0.3, No=0.7)])
    [critique] = await review("ensemble:judge,yes-no:worst", attempts("12"), model)
    assert (critique.score, critique.verdict) == (pytest.approx(0.3), "revise")
    assert critique.evidence[0].summary == "worst of judge 0.90, yes-no 0.30: 0.30"
    assert critique.feedback.startswith("The answer to this question should be Yes"), "the harshest critic is heard"


async def test_disagreement_lowers_the_mean():
    async def score(judge, yes):
        model = ScriptedModel([said(critique="", score=judge), likely(Yes=yes, No=1 - yes)])
        [critique] = await review("ensemble:judge,yes-no:uncertainty", attempts("12"), model)
        return critique.score

    assert await score(6, 0.6) == pytest.approx(0.6)
    assert await score(9, 0.3) == pytest.approx(0.6 - 0.5 * 0.3)


async def test_critics_without_a_score_do_not_count_in_an_ensemble():
    model = ScriptedModel(["I can't say.", likely(Yes=0.9, No=0.1)])
    [critique] = await review("ensemble:judge,yes-no", attempts("12"), model)
    assert critique.score == pytest.approx(0.9)


@pytest.mark.parametrize("spec", ["ensemble", "ensemble:worst", "ensemble:uncertainty", "ensemble::worst"])
def test_an_ensemble_has_members_where_none_are_named(spec):
    assert [member.name for member in critic(spec).members] == ["judge", "yes-no", "p-true"]


@pytest.mark.parametrize(("spec", "error"), [
    ("ensemble:judge,", UsageError), ("ensemble:judge,jury", UnknownNameError),
    ("panel:judge,,yes-no", UsageError), ("panel:judge:x", UsageError), ("meta-judge:0", UsageError)])
def test_members_that_there_are_not_are_the_callers_mistake(spec, error):
    with pytest.raises(error):
        critic(spec)


# --- meta-judge -------------------------------------------------------------------------------------------------------


async def test_the_best_reasoned_judgement_gives_the_verdict():
    judgements = [said(critique=critique, score=score)
                  for critique, score in (("loose", 9), ("sound", 2), ("vague", 8))]

    def sound_wins(request):
        first = request.messages[-1].content.partition("First judgement: ")[2]
        second = first.partition("Second judgement: ")[2]
        return said(critique="", better="first" if first.startswith("sound") else
                    "second" if second.startswith("sound") else "first")

    model = ScriptedModel([*judgements, *[sound_wins] * 6])
    [critique] = await review("meta-judge", attempts("13"), model)
    assert (critique.verdict, critique.score, critique.feedback) == ("revise", 0.2, "sound")
    assert critique.evidence[0].summary.endswith("in the judgement that won 2 of 2 comparisons")


async def test_a_judgement_that_wins_in_one_order_only_has_not_won():
    judgements = [said(critique=critique, score=score) for critique, score in (("one", 9), ("two", 2))]
    model = ScriptedModel([*judgements, *[said(critique="", better="second")] * 2])
    [critique] = await review("meta-judge:2", attempts("13"), model)
    assert critique.feedback == "one", "of equals the first counts"


async def test_judgements_that_are_the_same_are_not_compared():
    model = ScriptedModel([said(critique="Right.", score=9)] * 3)
    [critique] = await review("meta-judge", attempts("12"), model)
    assert critique.score == 0.9


# --- in runs ----------------------------------------------------------------------------------------------------------

PROGRAM = "```python\nanswer = {}\n```"


class Revising:
    """A strategy that has one answer and one revision of it judged."""

    name = "revising"

    def decide(self, tree, budget, memory, seed):
        made = len(tree.attempts)
        if made and not tree.reviewed(made - 1):
            return [Review((made - 1,))]
        return [Expand(), Expand(parent=0, guidance="Again."), Stop("that is all")][made:made + 1]

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("revising", lambda build: self, "")


async def run(model, task, **chosen):
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "journal": "memory",
                           "strategy": "best-of-n:1", **chosen})
    plugins = Plugins(settings, extra={"script": script_plugin(model), "revising": Revising()})
    async with Agent(settings, plugins) as agent:
        result = await agent.arun(task)
    model.assert_done()
    return result


async def test_critics_are_named_beside_those_that_measure():
    def doubts(request):
        return likely(A=0.2, B=0.8) if "(A) True" in request.messages[-1].content else likely(A=0.8, B=0.2)

    model = ScriptedModel([PROGRAM.format(13), PROGRAM.format("3 *"), *[doubts] * 4])
    result = await run(model, Task("How many are 3 times 4?", "math"), strategy="best-of-n:2",
                       critics=("program", "p-true"))
    assert {c.critic for c in result.critiques if c.attempt == 0} == {"program", "tests", "p-true"}
    assert [standing.kind for standing in result.standings] == [EvidenceClass.OPINION, EvidenceClass.MEASUREMENT]


@pytest.mark.parametrize(("first", "then", "returned"), [(0.7, 0.9, 1), (0.9, 0.7, 0), (0.1, 0.5, 1), (0.9, 0.1, 0)])
async def test_of_an_answer_and_its_revision_the_one_with_the_higher_score_is_returned(first, then, returned):
    scores = [likely(Yes=chance, No=1 - chance) for chance in (first, then)]
    model = ScriptedModel(["About 13.", "no verdict", scores[0], "About 12.", "no verdict", scores[1]])
    result = await run(model, Task("How many?", "text"), strategy="revising", critics=("yes-no",))
    assert result.best == returned


async def test_no_score_outranks_the_votes_of_independent_attempts():
    yes, no = likely(Yes=0.99, No=0.01), likely(Yes=0.01, No=0.99)
    model = ScriptedModel(["12.", "13.", "12.", *["no verdict"] * 3,
                           *[lambda r: yes if "answer:\n13" in r.messages[-1].content else no] * 3])
    result = await run(model, Task("How many?", "text"), strategy="best-of-n:3", critics=("yes-no",))
    assert (result.answer, result.supported_by) == ("12.", EvidenceClass.AGREEMENT)


async def test_members_that_ask_beside_each_other_are_each_granted_what_they_ask_for():
    judged, yes = said(critique="", score=9), likely(Yes=0.9, No=0.1)

    def reply(request):
        return yes if request.sampling.max_tokens == 1 else judged

    model = ScriptedModel(["It is 12.", "fine", reply, reply])
    result = await run(model, Task("How many?", "text"), critics=("ensemble:judge,yes-no",))
    assert sorted(request.sampling.max_tokens for request in model.requests[-2:]) == [1, 320]
    [critique] = [c for c in result.critiques if c.critic.startswith("ensemble")]
    assert critique.critic == "ensemble:judge,yes-no"
    assert critique.score == pytest.approx(0.9)


async def test_a_member_that_runs_checks_is_given_what_they_show():
    task = Task("Write `double(x)`.", "code", checks=(Check("assert double(2) == 4"),))
    model = ScriptedModel(["```python\ndef double(x):\n    return x + 3\n```", said(critique="It adds.", score=2),
                           said(classes=["valid", "valid"])])
    result = await run(model, task, critics=("panel:tests,judge",))
    [critique] = [c for c in result.critiques if c.critic.startswith("panel")]
    assert "assert double(2) == 4" in critique.feedback
    assert "It adds." in critique.feedback
    assert {e.kind for e in critique.evidence} == {EvidenceClass.OPINION}, "what the tests show is their own evidence"


@pytest.mark.parametrize("spec", ["ensemble:self-tests", "panel:self-tests", "ensemble:panel:self-tests,yes-no"])
async def test_a_member_that_writes_tests_writes_them_once(spec):
    """Each time it is asked for them, its model would write others: it would never have run them all."""
    written = count()

    def reply(request):
        if request.top_logprobs:
            return likely(Yes=0.9, No=0.1)
        n = next(written)
        return f"```python\nassert double({n}) == {2 * n}\nassert double({n + 100}) == {2 * n + 200}\n```"

    program = "```python\ndef double(x):\n    return 2 * x\n```"
    model = ScriptedModel([program, "no tests", *[reply] * (4 if "yes-no" in spec else 3)])
    result = await run(model, Task("Write `double(x)`.", "code"), critics=(spec,))
    assert [c.verdict for c in result.critiques if c.critic == spec] == ["accept"]
