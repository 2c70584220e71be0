"""What a terminal shows of a run."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from itertools import pairwise

import pytest
from rich.console import Console

from agentfix.cli.plain import LineWatcher
from agentfix.cli.render import Draft, TerminalWatcher
from agentfix.evidence import remarked, standing
from agentfix.types import Critique, Delta, Event, Reflection, Remark, Standing


def shown(events, width=80, colour=False) -> str:
    out = io.StringIO()
    watcher = TerminalWatcher(Console(file=out, width=width, force_terminal=colour, markup=False, highlight=False))
    with watcher.watching():
        for event in events:
            watcher.show(event)
    return out.getvalue()


def plainly(events) -> str:
    with redirect_stdout(io.StringIO()) as out:
        watcher = LineWatcher()
        for event in events:
            watcher.show(event)
    return out.getvalue()


def test_a_run_reads_like_a_story(events):
    text = shown(events)
    for earlier, later in pairwise(STORY):
        assert text.index(earlier) < text.index(later)


STORY = ["What is [b]half[/b] of one?", "kind math", "round 1", "actor calls python()", "p = 1 / 0",
         "python says error", "attempt 0: no answer", "program on attempt 0: revise. line 1 divides by zero",
         "refutes by measurement (necessary): it raised ZeroDivisionError", "attempt 0 is refuted by measurement",
         "round 2", "attempt 1, revises attempt 0: answers 0.5", "-p = 1 / 0", "+p = 1 / 2",
         "supports by agreement: a second program agrees", "attempt 1 is supported by agreement", "─ answer ─",
         "│ 0.5 ", "Supported by agreement: a second program agrees", "600 tokens read"]


def test_text_from_models_and_tools_is_neither_markup_nor_escape(events):
    text = shown(events, colour=True)
    assert "␛[31m[bold]red[/bold]␇" in text
    assert "\x07" not in text


@pytest.mark.parametrize("width", [20, 80])
def test_lines_fit_the_terminal(events, width):
    assert max(len(line) for line in shown(events, width).splitlines()) <= width


def test_the_terminal_is_left_as_it_was(events):
    text = shown(events, colour=True)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_a_program_is_shown_once(events):
    assert shown(events).count("p = 1 / 0") == 2  # the program, and the diff to its revision


def test_a_draft_that_is_begun_again_and_thought_before_an_answer_are_not_left_standing():
    draft = Draft()
    for delta in (Delta("Half a wo"), Delta("", restart=True), Delta("hmm", reasoning=True), Delta("Yes.")):
        draft.add("actor", delta)
    assert draft.text == "Yes." and not draft.thinking


def test_the_draft_shows_the_first_of_several_writers_bounded():
    draft = Draft()
    draft.add("actor", Delta("one\n" * 100))
    draft.add("actor", Delta("other", 1))
    draft.add("actor", Delta("\x1b[2Jlast"))
    out = io.StringIO()
    Console(file=out, width=80).print(draft)
    lines = out.getvalue().splitlines()
    assert len(lines) <= 13
    assert lines[-1] == "␛[2Jlast"
    assert "other" not in out.getvalue()


def test_until_the_first_word_it_says_what_it_waits_for(events):
    watcher = TerminalWatcher(Console(file=io.StringIO()))
    seen = []
    for event in events:
        watcher.show(event)
        seen.append((event.kind, watcher.draft.waiting))
    assert [waiting for kind, waiting in seen if kind == "move" and waiting] == [
        "loading the model and reading the question", "reading"]
    assert all(not waiting for kind, waiting in seen if kind not in ("move", "delta"))


@pytest.mark.parametrize("told", [shown, plainly])
def test_scores_first_wrong_steps_and_lessons_are_told(told):
    text = told([
        Event("critique", "r", 0.0, {"critique": Critique(0, "judge", "abstain", score=0.25, step=1),
                                     "standing": Standing("unsupported", None)}),
        Event("reflection", "r", 0.0, {"reflection": Reflection("lesson", (0,), "Count the\nboxes.")}),
    ])
    assert "judge on attempt 0: abstain, right with 25%, wrong at step 2" in text
    assert "lesson: Count the boxes." in text


@pytest.mark.parametrize("told", [shown, plainly])
def test_an_objection_is_told_once_and_with_later_attempts_in_a_line(told):
    said = [remarked(Remark("It is 91."), attempt) for attempt in (0, 1)]
    text = told([Event("critique", "r", 0.0, {"critique": each, "standing": standing(each.evidence)}) for each in said])
    assert [line.rstrip() for line in text.splitlines()] == [
        "person on attempt 0: revise. It is 91.",
        "    attempt 0 is refuted by person",
        "person on attempt 1: the same objection; it is refuted by person",
    ]


@pytest.mark.parametrize("told", [shown, plainly])
def test_why_a_person_approves_is_told_once(told):
    said = remarked(Remark("It rhymes.", "supports"), 0)
    text = told([Event("critique", "r", 0.0, {"critique": said, "standing": standing(said.evidence)})])
    assert text.count("It rhymes.") == 1 and "supports by person" in text
