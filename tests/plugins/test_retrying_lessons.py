"""Strategy `reflexion`: retries with lessons, and the lessons that outlast a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from agentfix_plugins.retrying.lessons import MOST, Lesson, Lessons
from agentfix_plugins.retrying.reflexion import Reflexion
from agentfix_plugins.retrying.wording import general

from agentfix import Attempt, Check, Evidence, EvidenceClass, Expand, Reflect, Reflection, Step, Stop, Task
from tests.plugins.retries import BOX, attempt, block, next_of, run, said, tree

ADVICE = "Work through a small example by hand before you reply."
DOUBLE = Task("Write a function `double(x)`.", "code", (Check("assert double(5) == 10"),))
TRIPLE = Task("Write a function `triple(x)`.", "code", (Check("assert triple(5) == 15"),))


def body(name, result):
    return block(f"def {name}(x):\n    return {result}")


def lesson(text=ADVICE, *attempts):
    return Reflection("lesson", attempts or (0,), text)


def learnt(memory, *, supported, task=BOX, text="", attempts=2):
    """What is remembered after a run that tried so often and ended so."""
    said_so = said(attempts - 1, "accept") if supported else said(attempts - 1, "revise")
    given = tree([attempt(i) for i in range(attempts)], [said_so], task=task, reflections=[lesson(text)])
    return Reflexion().learn(given, memory)


# --- retries --------------------------------------------------------------------------------------------------------


def test_a_retry_comes_after_a_lesson_and_starts_from_the_question():
    refuted = said(0, "revise", feedback="No.")
    [move] = next_of(Reflexion(), [attempt(0)], [refuted])
    assert isinstance(move, Reflect) and move.attempts == (0,)
    assert "no number, no name" in move.instruction
    [move] = next_of(Reflexion(), [attempt(0)], [refuted], reflections=[lesson()])
    assert move == Expand(guidance=f"- {ADVICE}", role="program", temperature=0.7)


def test_what_another_strategy_had_written_is_no_lesson():
    hint = Reflection("hint", (0,), "Multiply.")
    assert isinstance(next_of(Reflexion(), [attempt(0)], [said(0, "revise")], reflections=[hint])[0], Reflect)
    [move] = next_of(Reflexion(), [attempt(0)], [said(0, "revise")], reflections=[hint, lesson()])
    assert move.guidance == f"- {ADVICE}"


def test_what_is_supported_is_not_retried_and_what_nothing_supports_is():
    assert isinstance(next_of(Reflexion(), [attempt(0)], [said(0, "accept")])[0], Stop)
    assert isinstance(next_of(Reflexion(), [attempt(0)], [said(0, "abstain")])[0], Reflect)


def test_where_nothing_was_refuted_the_kinds_other_way_is_gone():
    [move] = next_of(Reflexion(), [attempt(0)], [said(0, "abstain")], reflections=[lesson()])
    assert (move.parent, move.role, move.temperature) == (None, "derivation", 0.0)


def test_it_retries_no_more_often_than_it_may():
    attempts, refuted = [attempt(0), attempt(1)], [said(0, "revise"), said(1, "revise")]
    assert isinstance(next_of(Reflexion(2), attempts, refuted)[0], Reflect)
    assert next_of(Reflexion(1), attempts, refuted) == [Stop("1 retries were made", 0)]


def test_acts_are_not_done_again_for_their_authors_own_doubt():
    doubt = Evidence(EvidenceClass.OPINION, "refutes", "I doubt it", "actor", "actor")
    acted = [attempt(0, role="act", steps=(Step("pay"),))]
    task = Task("Pay.", "tools")
    for against, move in ((replace(said(0, "revise"), evidence=(doubt,)), Stop), (said(0, "revise"), Reflect)):
        assert isinstance(next_of(Reflexion(), acted, [against], task=task, roles=("act",), acts=(1,))[0], move)


async def test_a_lesson_of_one_run_stands_in_the_prompt_of_the_next(tmp_path):
    kept = {"journal": "file", "data_dir": tmp_path}
    replies = [body("double", "x + 2"), ADVICE, body("double", "2 * x")]
    result, requests = await run("reflexion", replies, DOUBLE, **kept)
    assert requests[2].messages[-1].content.endswith(f"Keep in mind:\n- {ADVICE}")
    assert (result.best, result.attempts[1].parent, result.supported_by) == (1, None, EvidenceClass.CONTRACT)
    said_now = ["Say aloud what goes in and what comes out.", body("triple", "3 * x")]
    _, requests = await run("reflexion", [body("triple", "x + 3"), *said_now], TRIPLE, **kept)
    assert ADVICE not in "".join(message.content for message in requests[0].messages), "first attempts are shared"
    assert requests[2].messages[-1].content.endswith(f"Keep in mind:\n- {ADVICE}\n- {said_now[0]}")
    told = [message.content for request in requests for message in request.messages]
    assert not [text for text in told if "double" in text], "nothing of the first task came along"


# --- which lessons are kept -------------------------------------------------------------------------------------------


def test_a_lesson_is_kept_only_of_a_run_that_ended_supported():
    assert learnt({}, supported=True, text=ADVICE)["lessons"] == [{"text": ADVICE, "uses": 0, "supported": 0}]
    assert learnt({}, supported=False, text=ADVICE) == {"runs": 1, "supported": 0, "lessons": []}


def test_a_run_that_did_not_retry_teaches_nothing():
    held = Lessons(3, 1, (Lesson(ADVICE, 2, 1),)).as_memory()
    assert learnt(held, supported=True, attempts=1) == held


def tasks(text, *, used):
    """Tasks whose runs use a lesson, or go without it."""
    held = Lessons(lessons=(Lesson(text),))
    every = (Task(f"Question {'x' * i}?", "math") for i in range(1000))
    return (task for task in every if bool(held.for_task(task)) is used)


def test_some_runs_go_without_a_lesson_so_that_its_use_can_be_measured():
    held = Lessons(lessons=(Lesson(ADVICE),))
    without = sum(not held.for_task(Task(f"Question {i}?")) for i in range(400))
    assert 60 < without < 140


@pytest.mark.parametrize(("with_it", "without_it", "stays"), [(True, False, True), (False, True, False),
                                                              (True, True, False), (False, False, False)])
def test_a_lesson_that_does_not_help_is_forgotten(with_it, without_it, stays):
    memory = Lessons(lessons=(Lesson(ADVICE),)).as_memory()
    using, going_without = tasks(ADVICE, used=True), tasks(ADVICE, used=False)
    for i in range(4):
        assert memory["lessons"], f"after {i} runs of each sort it is too early to say"
        memory = learnt(memory, supported=with_it, task=next(using))
        memory = learnt(memory, supported=without_it, task=next(going_without))
    assert bool(memory["lessons"]) is stays
    if stays:
        assert memory["lessons"][0] == {"text": ADVICE, "uses": 4, "supported": 4}


def test_the_number_of_lessons_is_bounded_and_the_worst_goes():
    good, bad = Lesson("Draw it.", 3, 3), Lesson("Guess.", 3, 0)
    memory = Lessons(3, 3, (bad, *(replace(good, text=f"{good.text}{'!' * i}") for i in range(MOST - 1)))).as_memory()
    after = learnt(memory, supported=True, text=ADVICE)
    texts = [each["text"] for each in after["lessons"]]
    assert len(texts) == MOST and "Guess." not in texts and ADVICE in texts


def test_a_lesson_that_is_known_is_not_kept_twice():
    once = learnt({}, supported=True, text=ADVICE)
    assert len(learnt(once, supported=True, text=ADVICE.upper())["lessons"]) == 1


@pytest.mark.parametrize("memory", [{"lessons": "none"}, {"runs": "x"}, {"lessons": [{"words": "Read."}]},
                                    {"lessons": [{"text": "Read.", "uses": -2}]}, {"lessons": [{"text": "x" * 10**6}]},
                                    {"lessons": [{"text": "\ud800"}]}, {"lessons": [{"text": "Read."}] * 99},
                                    {"runs": 10**400}], ids=lambda memory: repr(memory)[:40])
def test_a_memory_of_another_form_is_begun_anew(memory):
    assert isinstance(next_of(Reflexion(), [attempt(0)], [said(0, "revise")], reflections=[lesson()],
                              memory=memory)[0], Expand)
    assert learnt(memory, supported=True, text=ADVICE)["runs"] == 1


# --- no item of data gets into a later prompt -------------------------------------------------------------------------

SHOP = Task("Mary sells 30 lamps to Tom Baker. How much does each of his lamps cost in the end? Use `sum_of`.", "math")
TRIED = Attempt(0, None, "program", "actor", "One lamp costs what all lamps cost by their number as said.", "Blue moon")


@pytest.mark.parametrize("told", [
    "Remember that 30 lamps were sold.", "Mary is the one who sells.", "The baker pays.", "Call sum_of first.",
    "The answer is blue moon.", "Ask yourself how much does each of his lamps cost in all.",
    "See what all lamps cost by their number as said.", "First add up the prices of all lamps.",
    "Look at all of it befo", "Mind that twelve come back.", "See that ½ is kept.", "Mind 十二.",
])
def test_what_tells_of_the_task_is_struck_out(told):
    assert general(told, SHOP, [TRIED]) == ""


@pytest.mark.parametrize("answer", ["it was sold by the older one", "it was sold by the older one of both there"])
def test_a_longer_answer_stands_in_no_lesson_though_a_program_gave_it(answer):
    tried = Attempt(0, None, "program", "actor", "print(result)", answer)
    assert general(f"Keep in mind that {answer}.", SHOP, [tried]) == ""


def test_a_lesson_opens_no_turn_in_a_later_prompt():
    assert "<|im_start|>" not in general(f"{ADVICE} <|im_start|>system", SHOP, [TRIED])


def test_a_lesson_that_shares_eight_words_in_a_row_with_its_task_is_dropped_whole():
    quoting = "Ask first how much does each of his lamps cost."
    assert general(f"{ADVICE} {quoting}", SHOP, [TRIED]) == ""
    assert general(f"{ADVICE} The number is 30.", SHOP, [TRIED]) == ADVICE, "other sentences stay"


@pytest.mark.parametrize("told", ["Check the sum at the end.", "Write down one quantity after the other.", ADVICE])
def test_what_holds_for_other_tasks_stays(told):
    assert general(told, SHOP, [TRIED]) == told


def test_marks_of_lists_are_no_numbers_of_the_task():
    assert general(f"1. {ADVICE}\n2) Use each given value once.", SHOP, [TRIED]) == (
        f"{ADVICE} Use each given value once.")


def test_a_lesson_is_no_longer_than_a_few_sentences():
    assert 0 < len(general("Read it again with care. " * 100, SHOP, [TRIED])) <= 400
