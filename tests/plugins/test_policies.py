"""Strategies around strategies: `hints`, `thought-template`, `worth` and `adapt`, and how wrappers nest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from agentfix_plugins.policies.adapt import Adapt, exploitation, exploration, temperature
from agentfix_plugins.policies.hints import Hints, without_answers
from agentfix_plugins.policies.thought_template import ThoughtTemplate
from agentfix_plugins.policies.worth import Value, Worth, chance, read_value, rounds_of
from agentfix_plugins.policies.wrapping import split

from agentfix import (
    Agent,
    Expand,
    Plugins,
    Reflect,
    Reflection,
    Remaining,
    Review,
    Settings,
    Stop,
    Task,
    UnknownNameError,
    UsageError,
    hookimpl,
)
from agentfix.testing import ScriptedModel, script_plugin
from tests.plugins.trees import said, sample, tree

PLUGINS = Plugins(Settings(enabled_plugins=()))


def moves(policy, inner, held, memory=None):
    return policy.moves(lambda: list(inner), held, Remaining(), memory or {})


async def run(strategy, replies, kind="text", folder=None, extra=None, **changes):
    model = ScriptedModel(replies)
    stored = {"data_dir": folder} if folder else {"journal": "memory"}
    settings = Settings(model="scripted:", strategy=strategy, sandbox="embedded", **stored, **changes)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model), **(extra or {})})) as agent:
        result = await agent.arun(Task("What is the capital of Australia?", kind))
        held = await agent.memory.all()
    model.assert_done()
    return result, model, held


# --- wrapping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("argument", "option", "inner"), [
    ("", "", ""), ("critic", "", "critic"), ("0.8", "0.8", ""), ("0.8:best-of-n:3", "0.8", "best-of-n:3"),
    ("hints:best-of-n:3", "", "hints:best-of-n:3"), ("-1:critic", "-1", "critic"),
])
def test_an_option_is_told_from_a_strategy(argument, option, inner):
    assert split(argument) == (option, inner)


def test_wrappers_nest_and_pass_arguments_on():
    built = PLUGINS.build("strategy", "abstain", "0.8:hints:self-consistency:3")
    assert built.decide(tree(), Remaining(), {}, 0)[0].name == "hints"
    hinted = tree("1", reflections=[("hints", "")])
    assert built.decide(hinted, Remaining(), {}, 0) == [Expand(n=2, temperature=0.7)], "the argument reaches the inner"


@pytest.mark.parametrize("spec", ["hints:no-such", "abstain:0.8:no-such", "worth:thought-template:no-such"])
async def test_a_strategy_that_there_is_not_is_named_before_anything_is_asked(spec):
    with pytest.raises(UnknownNameError, match="'no-such'"):
        await run(spec, [])


@pytest.mark.parametrize("spec", ["hints:hints:critic", "abstain:0.5:worth:abstain", "adapt:" * 1000 + "critic"],
                         ids=lambda spec: spec[:30])
def test_a_wrapper_stands_once(spec):
    with pytest.raises(UsageError, match="stands twice") as caught:
        PLUGINS.build("strategy", *spec.partition(":")[::2])
    assert len(str(caught.value)) < 200


async def test_what_the_inner_strategy_learns_is_kept_apart_for_each_wrapper(tmp_path):
    class Counting:
        name = "counting"

        def __init__(self):
            self.remembered = []

        def decide(self, held, budget, memory, seed):
            self.remembered.append(dict(memory))
            return [Stop("enough")] if held.attempts else [Expand()]

        def learn(self, held, memory):
            return {"runs": memory.get("runs", 0) + 1}

        @hookimpl
        def agentfix_register_strategies(self, register):
            register("counting", lambda build: self, "")

    counting = Counting()
    for _ in range(2):
        _, _, held = await run("abstain:hints:counting", ["A hint.", "Canberra"], folder=tmp_path,
                               extra={"counting": counting})
    assert counting.remembered[-1] == {"runs": 1}
    within = {"inner": {"counting": {"inner": {"runs": 2}}}}
    assert held == [("abstain", "text", {"hints:counting": within})]
    await run("abstain:counting", ["Canberra"], folder=tmp_path, extra={"counting": counting})
    assert counting.remembered[-1] == {}


async def test_wrappers_around_what_learns_nothing_leave_nothing_behind(tmp_path):
    _, _, held = await run("hints:none", ["A hint.", "Canberra"], folder=tmp_path)
    assert held == []


ODD = [None, True, -1, 10**400, float("nan"), "x", [], {}, [[0, -5]], [["a", "b"]], [[1, 2, 3]], [None], [[1, 9]]]


@pytest.mark.parametrize("spec", ["worth:critic", "auto", "abstain:auto", "hints:reflexion", "worth:reflexion"])
@pytest.mark.parametrize("odd", [*ODD, {"critic": {"runs": -1, "supported": {}, "tokens": 1}},
                                 {"critic": {"runs": 1, "supported": {"contract": 9}, "tokens": 1}},
                                 {"critic": {"runs": 10**400, "supported": {}, "tokens": float("nan")}}], ids=repr)
def test_a_memory_of_another_form_is_begun_anew(spec, odd):
    name, _, inner = spec.partition(":")
    built = PLUGINS.build("strategy", name, inner)
    refuted = tree("1", "2", critiques=[said(i, "refutes", verdict="revise", feedback="No.") for i in (0, 1)],
                   reflections=[("hints", "Think.")])
    for inside in (odd, {"own": {"rounds": odd}, "inner": odd}, {"own": odd, "inner": {"record": odd, "inner": odd}}):
        memory = {inner: inside, "record": odd, "inner": {"critic": odd}}
        moves = built.decide(refuted, Remaining(rounds=3), memory, 0)
        assert moves == built.decide(refuted, Remaining(rounds=3), {}, 0), "as if nothing were remembered"
        json.dumps(built.learn(refuted, memory))


def test_without_critic_auto_begins_with_what_there_is():
    bare = Plugins(Settings(disabled_plugins=("critic",)))
    assert bare.build("strategy", "auto").decide(tree(), Remaining(), {}, 0) == [Expand()]


# --- hints ------------------------------------------------------------------------------------------------------------


def test_hints_are_written_before_the_first_attempt_and_guide_each_fresh_one():
    [asked] = moves(Hints(), [Expand()], tree())
    assert isinstance(asked, Reflect) and asked.name == "hints" and asked.attempts == ()
    hinted = tree("1", reflections=[("hints", "Mind the sign.")])
    inner = [Expand(n=3, temperature=0.7), Expand(guidance="Read twice."), Expand(parent=0, guidance="It is 2."),
             Review((0,))]
    assert moves(Hints(), inner, hinted) == [
        Expand(n=3, temperature=0.7, guidance="Mind the sign."), Expand(guidance="Mind the sign.\nRead twice."),
        Expand(parent=0, guidance="It is 2."), Review((0,))]


@pytest.mark.parametrize(("line", "stays"), [
    ("1. Mind the 1200 lamps.", True), ("Think of Tom before you answer.", True), ("It must be a price.", True),
    ("The total is 4,200.", False), ("The buyer is Canberra.", False), ("Canberra", False), ("Find: Sydney!", False),
])
def test_a_hint_that_may_be_an_answer_does_not_lead_those_who_vote(line, stays):
    task = Task("Mary sells 1,200 lamps. To whom?", context="Tom buys lamps.")
    assert without_answers(f"Read twice.\n{line}", task) == (f"Read twice.\n{line}" if stays else "Read twice.")
    hinted = replace(tree("1", reflections=[("hints", line)]), task=task)
    assert moves(Hints(), [Expand(n=3)], hinted) == [Expand(n=3, guidance=line if stays else "")]


def test_hints_open_no_turn():
    hinted = tree(reflections=[("hints", "Read.<|im_end|> {{ tree }}")])
    [move] = moves(Hints(), [Expand()], hinted)
    assert "<|im_end|>" not in move.guidance and "{{ tree }}" in move.guidance


def test_hints_that_are_empty_change_nothing():
    assert moves(Hints(), [Expand()], tree(reflections=[("hints", "")])) == [Expand()]


async def test_the_critics_model_writes_hints_for_the_actor():
    small = ScriptedModel(["It is not the largest city."], name="small")

    class Small:
        @hookimpl
        def agentfix_register_models(self, register):
            register("small", lambda build: small, "")

    result, actor, _ = await run("hints:self-consistency:2", ["Canberra", "Canberra"], critic_model="small:",
                                 extra={"small": Small()})
    asked = small.requests[0].messages[-1].content
    assert "What is the capital of Australia?" in asked and "Do not answer" in asked
    for request in actor.requests:
        assert request.messages[-1].content.endswith("Keep in mind:\nIt is not the largest city.")
    assert result.answer == "Canberra"


# --- thought-template -------------------------------------------------------------------------------------------------


def test_a_template_of_thoughts_guides_the_first_attempt_alone():
    [asked] = moves(ThoughtTemplate(), [Expand()], tree())
    assert isinstance(asked, Reflect) and "Pattern:" in asked.instruction and "Steps:" in asked.instruction
    written = [("thought-template", "Pattern: rates. Steps: 1. Find the rate.")]
    assert moves(ThoughtTemplate(), [Expand()], tree(reflections=written)) == [Expand(guidance=written[0][1])]
    fresh = [Expand(n=3, temperature=0.7)]
    assert moves(ThoughtTemplate(), fresh, tree("1", reflections=written)) == fresh, "its votes stay independent"


def test_a_correction_names_the_wrong_thought():
    reasoned = sample(0, "13", text="Known: 3 boxes of 4.\n\n3 times 4\nis 13.\n\nThe answer is 13")
    written = [("thought-template", "Pattern: rates.")]
    [told] = moves(ThoughtTemplate(), [Expand(parent=0, guidance="Multiply anew.")],
                   tree(reasoned, critiques=[said(0, step=1)], reflections=written))
    assert told.guidance == ('Up to step 1 your thoughts hold. The first wrong thought is this step: '
                             '"3 times 4 is 13.".\nMultiply anew.')


def test_where_the_first_thought_is_wrong_nothing_is_said_to_hold():
    reasoned = sample(0, "13", text="3 times 4 is 13.\n\nThe answer is 13")
    held = tree(reasoned, critiques=[said(0, step=0)], reflections=[("thought-template", "")])
    [told] = moves(ThoughtTemplate(), [Expand(parent=0, guidance="Multiply anew.")], held)
    assert told.guidance.startswith('The first wrong thought is this step: "3 times 4 is 13."')


@pytest.mark.parametrize("step", [None, 7, -1])
def test_where_no_step_is_known_to_be_wrong_the_correction_is_as_it_was(step):
    written, correction = [("thought-template", "")], [Expand(parent=0, guidance="Multiply anew.")]
    held = tree(sample(0, "13", text="one\n\ntwo"), critiques=[said(0, step=step)], reflections=written)
    assert moves(ThoughtTemplate(), correction, held) == correction


async def test_the_first_attempt_is_shown_the_template():
    template = "Pattern: a fact. Steps: 1. Recall it."
    _, model, _ = await run("thought-template:self-consistency:2", [template, "Canberra", "Canberra"])
    first, second = (request.messages[-1].content for request in model.requests[1:])
    assert first.endswith(f"Keep in mind:\n{template}") and "Pattern" not in second


# --- worth ------------------------------------------------------------------------------------------------------------

AGAIN = [Expand(n=3, temperature=0.7)]


@pytest.mark.parametrize(("held", "memory", "goes_on"), [
    (tree(), {"rounds": [[98, 0]]}, True),
    (tree(sample(0, "1", 0.0), tokens=100), {"rounds": [[98, 0]]}, True),
    (tree(sample(0, "1", 0.0), tokens=101), {"rounds": [[98, 0]]}, False),
    (tree(sample(0, "1", 0.0), tokens=101), {}, True),
    (tree(sample(0, "1", 0.0), "2", tokens=201), {"rounds": [[98, 0], [98, 1]]}, True),
    (tree(sample(0, "1", 0.0), "1", tokens=2), {"rounds": [[98, 97]]}, False),
], ids=["the first attempt is made anyway", "worth as much as it costs", "dearer than its worth", "no record",
        "the record of this round counts", "a supported answer can gain nothing"])
def test_a_further_round_is_made_where_it_may_bring_more_than_it_costs(held, memory, goes_on):
    decided = moves(Worth(Value(10_000)), AGAIN, held, memory)
    assert (decided == AGAIN) is goes_on
    assert goes_on or (isinstance(decided[0], Stop) and decided[0].attempt == held.best)


def test_checks_of_what_is_there_are_always_made():
    held = tree(sample(0, "1", 0.0), tokens=10**9)
    assert moves(Worth(Value(1)), [Review((0,))], held) == [Review((0,))]


def test_money_is_counted_where_it_is_what_an_answer_is_worth():
    dear, free = (tree(sample(0, "1", 0.0), tokens=10**9, cost=cost) for cost in (0.02, 0.0))
    assert isinstance(moves(Worth(Value(0.03, "money")), AGAIN, dear)[0], Stop)
    assert moves(Worth(Value(0.03, "money")), AGAIN, free) == AGAIN
    unknown = tree(sample(0, "1", 0.0), cost=None)
    assert moves(Worth(Value(0.03, "money")), AGAIN, unknown) == AGAIN


def test_retries_after_lessons_are_rounds_of_their_own():
    retried = tree(sample(0, "1", 0.0), "2", "3")
    assert rounds_of(retried) == 2, "the two may have been drawn together"
    lessons = tuple(Reflection("lesson", (number,), "Look.") for number in (0, 1))
    assert rounds_of(replace(retried, reflections=lessons)) == 3


def test_it_learns_at_which_round_support_came():
    worth = Worth(Value(1))
    came = tree(sample(0, "1", 0.0), sample(1, "2", 0.0, role="derivation"), "2")
    never = tree(sample(0, "1", 0.0), sample(1, "2", 0.0, role="derivation"))
    record = worth.learn(never, worth.learn(came, {}))
    assert record == {"rounds": [[2, 0], [1, 1]]}
    assert [chance(record, rounds) for rounds in (1, 2, 3)] == [1 / 4, 2 / 3, 1 / 2]


def test_attempts_that_were_drawn_together_are_one_round():
    assert rounds_of(tree(sample(0, "1", 0.0), "1", "2", "3", sample(4, "1", 0.0, parent=0))) == 3


@pytest.mark.parametrize("option", ["0", "-3", "1e999", "2x", "."])
def test_a_value_that_is_none_is_refused(option):
    with pytest.raises(UsageError, match="supported answer is worth"):
        read_value("worth", option)
    assert read_value("worth", "0.02$") == Value(0.02, "money")


async def test_a_run_stops_when_a_round_is_too_dear_and_still_answers(tmp_path):
    result, _, held = await run("worth:1:critic", ["answer = 3", "The answer is 4"][:1], kind="math", folder=tmp_path)
    assert result.stop_reason.startswith("another round may bring 0.5 tokens and costs")
    assert (result.answer, len(result.attempts)) == ("3", 1)
    assert held == [("worth", "math", {"critic": {"own": {"rounds": []}}})]


# --- adapt ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answers", "found"), [
    (("1", "1"), None), (("1", "1", "1"), 0.0), (("1", "2", "3"), 1.0), (("1", "1", "2"), 0.5),
    (("1", None, None), None),
])
def test_exploration_is_how_different_the_answers_are(answers, found):
    assert exploration(tree(*answers)) == found


@pytest.mark.parametrize(("scores", "found"), [
    ((0.9, 0.1), 1.0), ((0.1, 0.9), 0.0), ((0.5, 0.5), 0.5), ((0.9, None), None),
])
def test_exploitation_is_how_often_scores_find_what_evidence_finds(scores, found):
    critiques = [said(0, "supports", score=scores[0]), said(1, "refutes", score=scores[1])]
    assert exploitation(tree("1", "2", critiques=critiques, votes=False)) == found


@pytest.mark.parametrize(("answers", "scores", "drawn", "wanted"), [
    (("1", "1", "1"), None, 0.7, 0.9), (("1", "2", "3"), None, 0.7, 0.5), (("1", "1", "2"), None, 0.7, 0.7),
    (("1", "1", "1"), None, 1.2, 1.3), (("1", "2", "3"), None, 0.4, 0.3), (("1", "1"), None, 0.7, 1.0),
    (("1", "2", "3", "3", "1"), (0.9, 0.1), 0.7, 0.7), (("1", "2", "3", "4", "1"), (0.1, 0.9), 0.7, 0.5),
])
def test_alike_answers_warm_and_scattered_ones_cool_within_bounds(answers, scores, drawn, wanted):
    critiques = [said(0, "supports", score=scores[0]), said(1, "refutes", score=scores[1])] if scores else []
    held = tree(*(sample(i, a, drawn) for i, a in enumerate(answers)), critiques=critiques, votes=False)
    assert temperature(held, 1.0) == wanted


def test_greedy_attempts_stay_greedy():
    held = tree("1", "1", "1")
    assert moves(Adapt(), [Expand(), Expand(n=3, temperature=0.7)], held) == [Expand(), Expand(n=3, temperature=0.9)]


async def test_a_run_draws_warmer_after_answers_that_are_alike():
    class Thrice:
        name = "thrice"

        def decide(self, held, budget, memory, seed):
            made = len(held.attempts)
            return [Stop("enough")] if made > 6 else [Expand(n=3, temperature=0.7) if made else Expand()]

        @hookimpl
        def agentfix_register_strategies(self, register):
            register("thrice", lambda build: self, "")

    result, _, _ = await run("adapt:thrice", ["Sydney"] * 7, extra={"thrice": Thrice()})
    assert [attempt.temperature for attempt in result.attempts] == [0.0, 0.7, 0.7, 0.7, 0.9, 0.9, 0.9]
