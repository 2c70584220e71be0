"""Programs and tests that vouch for each other, reviews that must quote, verdicts on single sentences."""

from __future__ import annotations

import ast
import json
import time

import pytest
from agentfix_plugins.code_critics.consensus import Row, share, weights
from agentfix_plugins.code_critics.examples import Example, agreed, examples_in, name_to_test
from agentfix_plugins.code_critics.shrinking import smaller
from agentfix_plugins.code_critics.spans import sentences

from agentfix import Agent, Attempt, EvidenceClass, Plugins, Settings, Task, UsageError, steps_of
from agentfix.testing import ScriptedModel, critic_context, script_plugin

LARGEST = Task("Write a function `big(xs)` that gives the largest of a list.", "code")
RIGHT = "def big(xs):\n    return max(xs)"
RIGHT_TOO = "def big(xs):\n    return sorted(xs)[-1]"
WRONG = "def big(xs):\n    return xs[0] if len(xs) < 2 else xs[1]"
CRASHES = "def big(xs):\n    return xs[0] + xs[2] - xs[2]"
TRUE_TESTS = ["assert big([1, 5, 2]) == 5", "assert big([7]) == 7", "assert big([-1, -2]) == -1"]
FALSE_TEST = "assert big([2, 2]) == 3"


def block(*lines):
    return "```python\n{}\n```".format("\n".join(lines))


async def run(*programs, tests, strategy=None, **changes):
    """A run in which every program is attempted, and all tests are written by each sample."""
    nothing = [block("pass")] * len(programs)
    model = ScriptedModel([*map(block, programs), *nothing, *[block(*tests)] * 60])
    settings = Settings(model="scripted:", sandbox="embedded", critics=("self-tests",), journal="memory",
                        strategy=strategy or f"best-of-n:{len(programs)}", **changes)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        result = await agent.arun(LARGEST)
    return result, {c.attempt: c for c in result.critiques if c.critic == "self-tests"}, model


# --- self-tests -------------------------------------------------------------------------------------------------------


async def test_a_false_test_that_every_program_fails_refutes_none_of_them():
    _, said, _ = await run(RIGHT, RIGHT_TOO, WRONG, tests=[*TRUE_TESTS, FALSE_TEST])
    assert [said[i].verdict for i in range(3)] == ["accept", "accept", "revise"]
    assert "3 of 4 tests" in said[0].evidence[0].summary
    assert said[0].score > said[2].score


async def test_programs_that_agree_outvote_the_one_that_was_first():
    result, _, _ = await run(WRONG, RIGHT, RIGHT_TOO, tests=TRUE_TESTS)
    assert result.best == 1 and result.supported_by is EvidenceClass.AGREEMENT


async def test_whatever_runs_the_tests_they_are_no_more_than_agreement():
    _, said, _ = await run(RIGHT, WRONG, "def big(xs:", tests=TRUE_TESTS)
    found = [e for critique in said.values() for e in critique.evidence]
    assert {e.kind for e in found} == {EvidenceClass.AGREEMENT} and {e.polarity for e in found} == {
        "supports", "refutes"}
    assert {e.origin for e in found} == {"model"}


async def test_tests_are_written_from_the_question_alone():
    _, _, model = await run(RIGHT, WRONG, tests=TRUE_TESTS)
    asked = [request for request in model.requests if "assert statements" in request.messages[-1].content]
    assert asked and all("max(xs)" not in r.messages[-1].content for r in asked)
    assert all(LARGEST.question in r.messages[-1].content for r in asked)


async def test_a_failure_is_shown_on_a_smaller_input_with_what_the_agreeing_programs_give():
    _, said, _ = await run(RIGHT, RIGHT_TOO, WRONG, tests=["assert big([4, 3, 9, 8]) == 9", *TRUE_TESTS])
    [line] = [line for line in said[2].feedback.splitlines() if "assert" in line]
    [shown] = examples_in(line, "big")
    smallest = ast.literal_eval(shown.call.removeprefix("big(").removesuffix(")"))
    assert len(smallest) == 2
    assert int(shown.expected) == max(smallest), "what is right there comes from the programs that pass"


async def test_a_crash_is_shown_on_the_smallest_input_that_crashes_alike():
    _, said, _ = await run(CRASHES, tests=["assert big([4, 9]) == 9", "assert big([3, 1]) == 3"])
    assert said[0].feedback.startswith("big([0]) ends with IndexError") or "big([]) ends with" in said[0].feedback


async def test_a_failure_is_not_shown_on_an_input_that_fails_otherwise():
    """What no test has said of such an input is not put into a test's mouth."""
    empty_too, crashes = "def big(xs):\n    return max(xs, default=0)", "def big(xs):\n    return xs[len(xs) // 2]"
    _, said, _ = await run(empty_too, crashes, tests=["assert big([9, 8]) == 9", "assert big([7]) == 7"])
    assert "This check fails" in said[1].feedback and "IndexError" not in said[1].feedback


async def test_values_that_only_look_different_are_no_failure():
    counts = "from collections import Counter\ndef big(xs):\n    return {} if len(xs) > 2 else Counter(xs)"
    plain = "def big(xs):\n    return {x: xs.count(x) for x in xs}"
    _, said, _ = await run(plain, counts, tests=["assert big([1, 2, 3]) == {1: 1, 2: 1, 3: 1}", "assert big([]) == {}"])
    assert "The call gives {}" in said[1].feedback and "Counter" not in said[1].feedback


@pytest.mark.parametrize(("program", "why"), [
    ("def big(xs):\n    return max(xs)\nassert big([1]) == 2", "AssertionError"),
    ("def big(xs:\n    return 1", "SyntaxError"),
])
async def test_a_program_that_fails_before_it_can_be_tested_is_told_that(program, why):
    _, said, _ = await run(RIGHT, program, tests=TRUE_TESTS)
    assert said[1].feedback.startswith(f"The code fails before it can be tested: {why}")
    assert said[0].verdict == "accept"


async def test_a_program_that_hangs_on_a_test_fails_it_and_nothing_else():
    hangs = "def big(xs):\n    while len(xs) == 1:\n        pass\n    return max(xs)"
    _, said, _ = await run(hangs, tests=TRUE_TESTS, tool_timeout_s=1)
    assert said[0].verdict == "revise" and "big([7])" in said[0].feedback and "does not end" in said[0].feedback


async def test_too_few_tests_say_nothing():
    _, said, _ = await run(RIGHT, tests=TRUE_TESTS[:1])
    assert (said[0].verdict, said[0].evidence) == ("abstain", ())


async def test_a_program_can_t_print_that_it_passes():
    cheat = "def big(xs):\n    print('0 pass')\n    return None"
    _, said, _ = await run(cheat, tests=TRUE_TESTS)
    assert said[0].verdict == "revise"


def test_what_samples_contradict_each_other_about_is_not_tested():
    one, two, three = (Example("f(1)", "1"), Example("f(1)", "2"), Example("f(2)", "4"))
    assert agreed([[one, three], [two]], 9) == [three]
    assert agreed([[one], [one], [two]], 9) == [one]
    assert agreed([[one, three], [three]], 1) == [three]


def test_only_comparisons_of_one_plain_call_are_tests():
    reply = block("assert f(1) == 2", "assert 4 == f(2)", "assert f(0) is None", "assert f(1) == f(1)", "assert f(1)",
                  "assert g(1) == 2", "assert f(x) == 1", "assert f(1) or True", "assert f([1, 2]",
                  "assert f(**{'x': 1}) == 1", "")
    assert [str(e) for e in examples_in(reply, "f")] == [
        "assert f(1) == 2", "assert f(2) == 4", "assert f(0) is None"]


def test_the_function_that_the_question_names_is_tested():
    programs = ["def help_(x):\n    pass\n\ndef big(x):\n    pass\n\ndef main():\n    pass", "def big(x):", "1 +"]
    assert name_to_test("Write `big(x)`.", programs) == "big"
    assert name_to_test("Write it.", programs) == "main"
    assert name_to_test("Write it.", ["1 +"]) is None


def test_tests_weigh_by_the_programs_that_pass_them():
    agree, alone, none = Row(frozenset({0, 1, 2}), frozenset({3, 4}), 2), Row(frozenset({0, 3}), frozenset(
        {1, 2, 4}), 1), Row(frozenset(), frozenset(range(5)), 1)
    weight = weights([agree, alone, none], 5)
    assert weight[0] == 1
    assert weight[1] == weight[2] > weight[3] > weight[4] > 0
    assert share(agree, weight) > share(alone, weight) > share(none, weight) == 0


def test_one_program_alone_does_not_make_its_failures_vanish():
    alone = Row(frozenset(range(5)), frozenset({5}), 1)
    assert weights([alone], 6)[5] > 0.5
    together = [Row(frozenset(range(5)), frozenset({5}), 4)]
    assert weights(together, 6)[5] < 0.5


@pytest.mark.parametrize("call", ["f([3, 1, 2], k='ab')", "f({'a': 1}, (2, 3))", "f(100, -7.5, None, True)", "f()"])
def test_smaller_calls_call_the_same_with_smaller_literals_of_the_same_types(call):
    node = ast.parse(call, mode="eval").body
    found = [ast.parse(each, mode="eval").body for each in smaller(call)]
    assert call not in smaller(call)
    for each in found:
        assert each.func.id == "f" and [k.arg for k in each.keywords] == [k.arg for k in node.keywords]
        for old, new in zip([*node.args, *(k.value for k in node.keywords)],
                            [*each.args, *(k.value for k in each.keywords)], strict=True):
            assert type(ast.literal_eval(old)) is type(ast.literal_eval(new))
            assert len(repr(ast.literal_eval(new))) <= len(repr(ast.literal_eval(old)))


# --- code-review ------------------------------------------------------------------------------------------------------

REVIEWED = Attempt(0, None, "program", "writer", block(WRONG), WRONG, WRONG)


def points(*found):
    return json.dumps({"points": [dict(zip(("quote", "problem"), each, strict=True)) for each in found]})


async def reviewed(name, replies, attempt=REVIEWED, task=LARGEST, model="reviewer"):
    critic = Plugins(Settings()).build("critic", *name.partition(":")[::2])
    model = ScriptedModel(replies, name=model)
    [critique] = await critic.review(task, [attempt], critic_context(model, task=task, attempts=[attempt]))
    model.assert_done()
    return critique


async def test_a_point_whose_quote_the_code_does_not_hold_is_dropped():
    invented = points(("return xs[-1]", "It gives the last."), ("return  xs[0]", "The spaces differ."))
    critique = await reviewed("code-review", [invented] * 4)
    assert (critique.verdict, critique.evidence) == ("abstain", ())


async def test_a_bug_that_reviews_agree_on_is_told_with_its_quote_line_and_step():
    bug, other = ("xs[0] if len(xs) < 2", "It looks at two items only."), ("def big(xs)", "The name is bad.")
    critique = await reviewed("code-review", [points(bug), points(bug, other), points(), points()])
    assert critique.verdict == "revise"
    assert critique.feedback == "Line 2:\n    xs[0] if len(xs) < 2\nIt looks at two items only."
    assert "xs[0] if" in steps_of(REVIEWED.text)[critique.step]
    assert (critique.evidence[0].kind, critique.evidence[0].weight) == (EvidenceClass.OPINION, 0.5)


@pytest.mark.parametrize(("recall", "samples", "verdict"), [("0", 2, "abstain"), ("0.5", 4, "accept"),
                                                             ("1", 6, "revise")])
async def test_more_recall_draws_more_reviews_and_asks_for_fewer_votes(recall, samples, verdict):
    replies = [points(("xs[1]", "It is the second."))] + [points()] * (samples - 1)
    critique = await reviewed(f"code-review:{recall}", replies)
    assert critique.verdict == verdict


async def test_reviews_that_find_nothing_are_an_opinion_for_the_code():
    critique = await reviewed("code-review", [points()] * 4, model="writer")
    assert (critique.verdict, critique.evidence[0].origin, critique.score) == ("accept", "actor", 1.0)


@pytest.mark.parametrize("name", ["code-review:2", "code-review:much", "code-review:nan", "spans:beauty", "spans:,"])
def test_a_wrong_argument_says_what_is_possible(name):
    with pytest.raises(UsageError, match=r"code-review|spans"):
        Plugins(Settings()).build("critic", *name.partition(":")[::2])


# --- spans ------------------------------------------------------------------------------------------------------------

ANSWER = Attempt(0, None, "answer", "writer", "Tea is a drink. It is made of stones. I like cats.", "Tea is a drink.")
ASKED = Task("What is tea made of?", "text")


def faults(*found):
    return json.dumps({"points": [dict(zip(("sentence", "problem"), each, strict=True)) for each in found]})


async def test_only_the_bad_sentences_are_named_to_the_reviser():
    critique = await reviewed("spans", [faults((2, "tea is made of leaves")), faults((3, "off the point")), faults()],
                              ANSWER, ASKED)
    assert critique.verdict == "revise"
    assert '"It is made of stones."\n- fact: tea is made of leaves' in critique.feedback
    assert '"I like cats."\n- relevance: off the point' in critique.feedback
    assert "Tea is a drink." not in critique.feedback


async def test_what_is_said_of_a_span_speaks_of_a_part_only():
    critique = await reviewed("spans:fact,completeness", [faults(), faults((1, "what it is made of"))], ANSWER, ASKED)
    assert [(e.polarity, e.coverage, e.kind) for e in critique.evidence] == [
        ("supports", "part", EvidenceClass.OPINION), ("refutes", "part", EvidenceClass.OPINION)]
    assert "missing after it: what it is made of" in critique.feedback
    assert critique.evidence[1].weight == pytest.approx(1 / 3), "the fewer sentences are bad, the less it weighs"


async def test_a_sentence_that_there_is_not_has_no_fault():
    critique = await reviewed("spans:fact", [faults((9, "wrong"), (2, "wrong too"))], ANSWER, ASKED)
    assert (critique.verdict, critique.score) == ("revise", pytest.approx(2 / 3))


@pytest.mark.parametrize("reply", [faults((9, "wrong")), faults(("2", "wrong")), "", '{"points": [{"sentence": 1',
                                   '{"points": [{"sentence": 1, "problem": "no"}], "points": []}'])
async def test_faults_that_can_t_be_read_are_no_verdict(reply):
    critique = await reviewed("spans:fact", [reply], ANSWER, ASKED)
    assert (critique.verdict, critique.evidence) == ("abstain", ())


async def test_an_aspect_that_can_t_be_read_is_not_accepted():
    critique = await reviewed("spans:fact,relevance", [faults(), "hm"], ANSWER, ASKED)
    assert critique.verdict == "abstain" and len(critique.evidence) == 1


async def test_the_step_is_that_of_the_first_bad_sentence():
    attempt = Attempt(0, None, "answer", "writer", "All is well.\n\nIt costs 3.5 euros. Stones fly.\n\nThe end.", "x")
    critique = await reviewed("spans:fact", [faults((3, "they do not"))], attempt, ASKED)
    assert critique.step == 1


def test_long_runs_of_marks_are_read_in_a_moment():
    began = time.process_time()
    assert len(sentences("?!" * 20_000 + "a")) == 1
    assert time.process_time() - began < 1


def test_sentences_end_at_their_points_and_at_the_ends_of_lines():
    text = 'It costs 3.5 euros. "Really?" he said!\n- one\n- two'
    found = sentences(text)
    assert [span.text for span in found] == ["It costs 3.5 euros.", '"Really?"', "he said!", "- one", "- two"]
    assert all(text[span.at:].startswith(span.text) for span in found)
