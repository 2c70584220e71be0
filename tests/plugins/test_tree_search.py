"""Tree search: where it goes on, what it learns, when it ends."""

from __future__ import annotations

import json
import math
from unittest.mock import ANY

import pytest
from agentfix_plugins.tree_search.walk import Walk, uct, widened

from agentfix import (
    SEARCH_ROOT,
    Agent,
    Attempt,
    Check,
    Completion,
    Critique,
    Evidence,
    EvidenceClass,
    Expand,
    Message,
    Plugins,
    Reflect,
    Reflection,
    Remaining,
    Review,
    SearchStatistic,
    Settings,
    Standing,
    Stop,
    Task,
    TokenLogprob,
    ToolContext,
    ToolError,
    Tree,
    UsageError,
    search_statistics,
    worth_of,
)
from agentfix.testing import (
    CriticConformance,
    ScriptedModel,
    ScriptedSandbox,
    StrategyConformance,
    script_plugin,
)
from agentfix.testing.model import asking

PLUGINS = Plugins(Settings(enabled_plugins=()))
MODES = ("attempts", "attempts:1", "steps", "steps:1", "beam", "beam:1")
CHECKS = tuple(Check(f"assert double({x}) == {2 * x}") for x in (0, 2, 5))
CODE = Task("Write a function `double(x)`.", "code", CHECKS)
SUM = Task("How many are 3 boxes of 4?", "math")


def strategy_of(mode):
    return PLUGINS.build("strategy", "beam", mode[5:]) if mode.startswith("beam") else PLUGINS.build(
        "strategy", "mcts", mode)


@pytest.fixture(params=MODES)
def strategy(request):
    return strategy_of(request.param)


@pytest.fixture
def critic():
    return PLUGINS.build("critic", "step-value")


class TestSearches(StrategyConformance):
    """Each mode, wide and narrow."""


class TestStepValue(CriticConformance):
    """The critic."""


def program(body):
    return f"```python\ndef double(x):\n    return {body}\n```"


def yes(probability):
    """A token "Yes", and how likely it was."""
    top = (("Yes", math.log(probability)), ("No", math.log(1 - probability)))
    return Completion("Yes", logprobs=(TokenLogprob("Yes", top[0][1], top),))


async def run(strategy, replies, task, **changes):
    """The result of a run, the moves that were decided in it, and the model."""
    model, moves = ScriptedModel(replies), []
    settings = Settings(model="scripted:", sandbox="embedded", journal="memory", strategy=strategy, **changes)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        result = await agent.arun(task, on_event=lambda e: moves.append(e.data["move"]) if e.kind == "move" else None)
    assert not result.stop_reason.startswith("failed"), result.stop_reason
    return result, moves, model


def failed(number, parent=None, *, held=0.0):
    """An attempt of which the caller's checks hold up to a share, with what is said of it."""
    text = f"wrong {number}"
    refuted = Evidence(EvidenceClass.CONTRACT, "refutes", "it fails", "the caller's checks", "caller", weight=1 - held)
    return (Attempt(number, parent, "program", "m", text, text, text, temperature=0.7),
            Critique(number, "tests", "revise", f"fault of {number}", (refuted,)),
            Standing("refuted", EvidenceClass.CONTRACT, 1 - held, "it fails"))


def tree_of(*known, reflections=(), groups=None):
    attempts, critiques, standings = zip(*known, strict=True)
    return Tree(CODE, attempts, critiques, standings, 0, tuple(groups or range(len(attempts))), ("program",),
                reflections=tuple(reflections), acts=(0,) * len(attempts))


def decide(mode, tree):
    return strategy_of(mode).decide(tree, Remaining(), {}, 0)


# --- what attempts are worth ------------------------------------------------------------------------------------------


def test_what_comes_of_a_line_counts_for_all_that_it_goes_back_to():
    tree = tree_of(failed(0, held=0.5), failed(1, held=0.2), failed(2, 0, held=0.9), failed(3, 2))
    found = search_statistics(tree)
    assert (found[SEARCH_ROOT].visits, found[0].visits, found[2].visits, found[1].visits) == (4, 3, 2, 1)
    assert found[SEARCH_ROOT].total == pytest.approx(sum(worth_of(tree, number) for number in range(4)))
    assert found[0].total == pytest.approx(sum(worth_of(tree, number) for number in (0, 2, 3)))


def test_a_refuted_attempt_is_worth_the_more_the_nearer_it_came_and_less_than_an_open_one():
    unsure = (Attempt(2, None, "program", "m", "a", "a"), Critique(2, "p", "abstain", score=0.4),
              Standing("unsupported", None))
    tree = tree_of(failed(0), failed(1, held=0.9), unsure)
    assert 0 == worth_of(tree, 0) < worth_of(tree, 1) < worth_of(tree, 2)


def test_an_opinion_of_a_refuted_attempt_adds_nothing():
    attempt, refuted, standing = failed(0)
    likes = Critique(0, "step-value", "accept", score=0.99)
    assert worth_of(Tree(CODE, (attempt,), (likes, refuted), (standing,), 0, (0,)), 0) == 0


def test_without_critics_an_answer_is_worth_its_share():
    attempts = tuple(Attempt(n, None, "program", "m", a, a) for n, a in enumerate("aab"))
    tree = Tree(SUM, attempts, (), (Standing("unsupported", None),) * 3, 0, (0, 0, 2))
    assert [worth_of(tree, n) for n in range(3)] == [pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(1 / 3)]


# --- where a search goes on -------------------------------------------------------------------------------------------


def test_uct_prefers_the_less_visited_of_equals_and_the_better_of_the_equally_visited():
    assert uct(SearchStatistic(1, 0.5), 9, 0.5) > uct(SearchStatistic(4, 2.0), 9, 0.5)
    assert uct(SearchStatistic(2, 1.5), 9, 0.5) > uct(SearchStatistic(2, 1.0), 9, 0.5)
    assert uct(SearchStatistic(), 9, 0.5) == math.inf


def test_leaves_that_are_expanded_at_once_are_spread():
    tree = tree_of(failed(0, held=0.6), failed(1, held=0.5), failed(2, 0, held=0.6), failed(3, 0, held=0.6))
    children = {SEARCH_ROOT: [0, 1], 0: [2, 3]}
    walk = Walk(tree, children, lambda node, known: node in (1, 2, 3), 0.5)
    assert (walk.leaf(), walk.leaf(), walk.leaf(), walk.leaf()) == (1, 2, 3, None)


def test_a_node_may_have_more_children_the_more_it_was_visited():
    allowed = [widened(visits, 4) for visits in range(1, 200)]
    assert allowed[:8] == [4] * 8
    assert allowed == sorted(allowed)
    assert len(set(allowed)) > 3


def test_the_question_is_expanded_wide_before_anything_is_revised():
    assert decide("attempts:8", tree_of(failed(0))) == [Expand(None, 7, "", "program", 0.7)]


def test_the_attempts_that_came_nearest_are_revised_first_with_their_faults():
    tree = tree_of(failed(0), failed(1, held=0.6), failed(2), failed(3, held=0.3))
    moves = decide("attempts:4", tree)
    assert [(move.parent, move.n, move.guidance) for move in moves] == [(1, 1, "fault of 1"), (3, 1, "fault of 3")]


def test_a_copy_is_never_revised():
    tree = tree_of(failed(0), failed(1, held=0.6), failed(2, held=0.6), failed(3, held=0.6), groups=(0, 1, 1, 1))
    assert [move.parent for move in decide("attempts:4", tree)] == [1, 0]


def test_a_lesson_from_failed_siblings_reaches_the_next_ones_and_most_are_not_told():
    known = [failed(0, held=0.5), *(failed(n) for n in (1, 2, 3)), failed(4, 0), failed(5, 1)]
    [lesson] = decide("attempts:4", tree_of(*known))
    assert isinstance(lesson, Reflect)
    assert 0 in lesson.attempts, "the nearest failure is shown"
    written = Reflection(lesson.name, lesson.attempts, "Read the signs. And then you can")
    moves = decide("attempts:4", tree_of(*known, reflections=[written]))
    assert [(move.parent, move.n, move.guidance) for move in moves] == [(None, 1, "Read the signs."), (None, 3, "")]


def test_revisions_that_gain_nothing_give_way_to_samples_until_one_gains():
    lines = [failed(0, held=0.5), *(failed(n) for n in range(1, 8))]
    copies = [*lines, failed(8, 0, held=0.5), failed(9, 0), failed(10, 1), failed(11, 1)]
    assert decide("attempts:8", tree_of(*copies))[0] == Reflect("lesson", ANY, (0, 1, 2), ANY), "for more samples"
    better = [*copies[:-1], failed(11, 1, held=0.75)]
    assert [(move.parent, move.n) for move in decide("attempts:8", tree_of(*better))] == [(8, 4), (11, 4)]


def test_no_lesson_is_written_for_attempts_that_can_t_be_made():
    known = [failed(0), *(failed(n, (n - 1) // 2) for n in range(1, 9))]
    moves = strategy_of("attempts:1").decide(tree_of(*known), Remaining(rounds=0), {}, 0)
    assert all(isinstance(move, Expand) for move in moves)


def test_steps_before_the_first_wrong_one_are_kept_where_a_critic_names_it():
    attempt, critique, standing = failed(0)
    named = Critique(0, "prover", "revise", "Step 3 is wrong.", critique.evidence, step=2)
    [move] = decide("attempts:1", tree_of((attempt, named, standing)))
    assert (move.parent, move.keep_steps) == (0, 2)


def test_the_model_ranks_siblings_of_which_only_words_speak_before_they_are_revised():
    attempts = tuple(Attempt(n, None, "answer", "m", f"a{n}", f"a{n}") for n in range(1))
    said = Critique(0, "self-critique", "revise", "Say it in full.")
    tree = Tree(Task("Why?", "text"), attempts, (said,), (Standing("unsupported", None),), 0, (0,), ("answer",), (0,))
    assert decide("attempts:1", tree) == [Review((0,), ("p-true",))]
    alone = Plugins(Settings(disabled_plugins=("judging",))).build("strategy", "mcts", "1")
    assert alone.decide(tree, Remaining(), {}, 0) == [Review((0,), ("step-value",))]


def test_where_attempts_act_nothing_is_tried_beside_them():
    attempt, critique, standing = failed(0)
    tree = Tree(CODE, (attempt,), (critique,), (standing,), 0, (0,), ("act",), (1,))
    [move] = decide("attempts:8", tree)
    assert (move.parent, move.n) == (0, 1)


# --- whole runs -------------------------------------------------------------------------------------------------------


async def test_a_program_is_found_by_samples_and_revisions_and_the_run_ends_there():
    ways = ["x + 1", "x + 2", "x", "x ** 2", "2 * x", "x * 3"]
    result, moves, model = await run("mcts:4", [program(way) for way in ways], CODE)
    assert (result.supported_by, result.best, result.attempts[4].parent) == (EvidenceClass.CONTRACT, 4, 3)
    assert "assert double(5) == 10" in model.requests[2].messages[-1].content
    assert isinstance(moves[-1], Stop)
    model.assert_done()


async def test_a_greedy_attempt_that_passes_is_the_end():
    result, _, model = await run("mcts", [program("2 * x")], CODE)
    assert result.best == 0
    model.assert_done()


async def test_ways_to_a_number_are_children_of_the_question_and_vote():
    replies = ["```python\nanswer = 13\n```", "The answer is 12", "```python\nanswer = 7\n```",
               "```python\nanswer = 12\n```", "The answer is 12", "The answer is 12"]
    result, _, model = await run("mcts:6", replies, SUM)
    assert (result.answer, result.supported_by) == ("12", EvidenceClass.AGREEMENT)
    assert {a.role for a in result.attempts} == {"program", "derivation"}
    assert all(a.parent is None for a in result.attempts)
    model.assert_done()


async def test_the_likeliest_step_is_played_out_and_answers_vote():
    replies = ["```python\nanswer = 13\n```",
               "Known: 3 boxes.", "Known: 3 and 4 are 13.", yes(0.8), yes(0.1), "3 times 4 is 12.\n\nThe answer is 12",
               "So 3 times 4.", "So 3 and 4.", "Then 7.", "Then 14.", yes(0.9), yes(0.5), yes(0.2), yes(0.1),
               "The answer is 12", "The answer is 12"]
    result, moves, model = await run("mcts:steps:2", replies, SUM)
    assert result.answer == "12"
    played = [result.attempts[n] for n in (3, 8)]
    assert [(a.parent, a.unfinished) for a in played] == [(1, False), (4, False)]
    asked = model.requests[4].messages
    assert (asked[-2].content, "end with the answer" in asked[-1].content) == ("Known: 3 boxes.", True)
    assert played[0].text == "Known: 3 boxes.\n3 times 4 is 12.\n\nThe answer is 12"
    assert [m.parent for m in moves if isinstance(m, Expand) and m.one_step] == [None, 1, 2], "both leaves at once"
    model.assert_done()


async def test_the_last_round_plays_out_a_step_instead_of_adding_one():
    replies = ["```python\nanswer = 13\n```", "Known: 3 boxes.", "Known: 4 boxes.", yes(0.8), yes(0.6),
               "The answer is 12", "The answer is 9"]
    result, _, model = await run("mcts:steps:2", replies, SUM, max_rounds=4)
    assert [(a.parent, a.answer) for a in result.attempts[3:]] == [(1, "12"), (2, "9")]
    model.assert_done()


async def test_a_beam_keeps_the_likeliest_beginnings_and_completes_them_when_rounds_get_short():
    replies = ["```python\nanswer = 13\n```", "A first.", "B first.", yes(0.2), yes(0.9),
               "second.", "third.", "second.", "third.", yes(0.8), yes(0.2), yes(0.7), yes(0.1),
               "The answer is 12", "The answer is 12"]
    result, moves, model = await run("beam:2", replies, SUM, max_rounds=6)
    assert [m.parent for m in moves if isinstance(m, Expand) and m.one_step] == [None, 2, 1], "the likelier goes first"
    ends = [a.text.split("\n\n") for a in result.attempts if not a.unfinished][1:]
    assert ends == [["B first.", "second.", "The answer is 12"], ["A first.", "second.", "The answer is 12"]]
    assert result.answer == "12"
    model.assert_done()


@pytest.mark.parametrize("strategy", ["mcts:steps", "beam"])
async def test_steps_are_not_searched_where_attempts_act(strategy):
    result, _, _ = await run(strategy, ['{"answer": "done"}'] * 9, Task("Do it.", "tools"), max_rounds=2)
    assert (result.answer, "where attempts act" in result.stop_reason) == ("done", True)


@pytest.mark.parametrize("argument", ["depth", "attempts:x", "attempts:0", "steps:99", "attempts:4:4", ":", "٣"])
def test_what_can_t_be_meant_is_said(argument):
    if argument == ":":
        assert PLUGINS.build("strategy", "mcts", argument).width == 8
        return
    with pytest.raises(UsageError, match="mcts:steps"):
        PLUGINS.build("strategy", "mcts", argument)


# --- the tool ---------------------------------------------------------------------------------------------------------


async def reflected(replies, question="What is 3 times 4?"):
    model = ScriptedModel(replies)
    context = ToolContext(ScriptedSandbox([]), 10, ask=asking(model, 0), model="m")
    said = await PLUGINS.build("tool", "reflect").run({"question": question}, context)
    model.assert_done()
    return said


async def test_the_answer_that_comes_up_most_often_is_given_with_its_support():
    answers = [f"Well.\nAnswer: {a}" for a in ("12", "13", "12.", "12", "seven")]
    said = await reflected([*answers, yes(0.9), yes(0.2), yes(0.1)])
    assert said.data["answer"] == "12"
    assert said.text.splitlines()[1:] == [
        "(3 of 5 samples of m say so, found right with probability 0.90: an opinion)", "other answers: 13; seven"]


async def test_between_answers_that_come_up_as_often_the_likelier_is_given():
    said = await reflected(["Answer: 7", "Answer: 12", "I don't know", "", "Hm.", yes(0.1), yes(0.6)])
    assert (said.data["answer"], said.data["samples"]) == ("12", 2)


async def test_an_actor_can_reflect_and_what_it_takes_counts_for_the_run():
    step = {"plan": [{"do": "think", "tool": "reflect"}],
            "calls": [{"tool": "reflect", "arguments": {"question": "What is 3 times 4?"}}]}
    replies = [json.dumps(step), *["Answer: 12"] * 5, yes(0.9), json.dumps({"thought": "", "answer": "12"})]
    result, _, model = await run("none", replies, Task("Work out 3 times 4.", "tools"), tools=("reflect",))
    assert result.answer == "12"
    [seen] = result.attempts[0].steps[0].observations
    assert seen.text.startswith("12\n(5 of 5 samples of scripted say so")
    assert result.usage.model_calls == len(model.requests) == 4
    model.assert_done()


async def test_a_run_that_can_t_afford_to_reflect_is_told():
    context = ToolContext(ScriptedSandbox([]), 10)
    with pytest.raises(ToolError, match="nothing is left"):
        await PLUGINS.build("tool", "reflect").run({"question": "Why?"}, context)


async def test_the_critic_shows_what_was_written_so_far_and_reads_one_token():
    from agentfix.testing import critic_context

    beginning = Attempt(0, None, "derivation", "scripted", "Known: 3 boxes.", None, unfinished=True)
    model = ScriptedModel([yes(0.75)])
    [said] = await PLUGINS.build("critic", "step-value").review(SUM, [beginning], critic_context(model, task=SUM))
    assert said.score == pytest.approx(0.75)
    assert (said.evidence[0].kind, said.evidence[0].origin) == (EvidenceClass.OPINION, "actor")
    [request] = model.requests
    assert request.sampling.max_tokens == 1
    assert "beginning of a solution:\nKnown: 3 boxes." in request.messages[0].content
    assert isinstance(request.messages[0], Message)
