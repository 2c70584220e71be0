"""What somebody sees who talks with `agentfix` at a terminal, and what it does on their behalf."""

from __future__ import annotations

import json
import sys

import pytest

from tests.repl.conftest import PLUGIN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

QUESTION = "What is the capital of France?"
CRASH = "```python\ndef solution():\n    return jars * 4\n```"
RIGHT = "```python\ndef solution():\n    return 15 * 4\n```"
DERIVED = "Each crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."
JARS = "A crate holds 15 jars. How many jars are in 4 crates?"
POST = json.dumps({"plan": [{"do": "post it", "tool": "post"}],
                   "calls": [{"tool": "post", "arguments": {"letter": "Hello Ann"}}]})
POSTED = json.dumps({"thought": "", "answer": "The letter is sent."})


def test_a_question_is_answered_with_its_evidence_and_the_next_one_knows_of_it(start, says, asked):
    says("Paris it is.", "About two million.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("answers Paris it is.", "Nothing supports this answer")
    screen.seen("none · text · spent 13 tokens")
    screen.type("How many people live there?")
    screen.until("About two million.", "stopped:")
    assert screen.leave() == 0
    assert "Paris" not in "".join(asked()[0]) and "Paris it is." in "".join(asked()[1])


def test_ctrl_c_stops_the_run_in_mid_stream_and_not_the_conversation(start, says):
    says("Let me think ...", "Paris it is.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    run = screen.seen("Let me think").partition("run ")[2].split()[0]
    screen.stop()
    screen.until("Stopped. /retry goes on with it.")
    screen.type("/retry")
    screen.until(f"run {run}", "answers Paris it is.")
    screen.type("/history")
    screen.until("1 What is the capital of France?", f"not supported; run {run})")


def test_what_can_not_be_objected_to_stays_as_it_was(start, says):
    says("Let me think ...", "Paris it is.")
    screen = start()
    screen.ready()
    screen.type(QUESTION)
    screen.seen("Let me think")
    screen.stop()
    screen.until("Stopped.")
    screen.type("/challenge No.")
    screen.until("/challenge No.", "attempt")
    screen.type("/history")
    screen.until("(stopped; run")
    screen.type("/retry")
    screen.until("answers Paris it is.", "stopped:")


def test_a_conversation_that_was_killed_goes_on_where_it_was(start, says, asked):
    says("Paris it is.", "About two ...", "About three ...", "About two million.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/budget rounds 3")
    screen.until("3 rounds")
    screen.type("How many people live there?")
    screen.seen("About two")
    screen.kill()
    again = start("--resume")
    again.until("> What is the capital of France?", "Paris it is.",
                "Going on with, until Ctrl-C: How many people live there?")
    again.seen("About three")
    again.stop()
    again.until("Stopped. /retry goes on with it.")
    again.type("/retry")
    again.until("answers About two million.")
    again.seen("spent")
    again.type("/budget")
    again.until("at most: 3 rounds")
    assert "Paris it is." in "".join(asked()[3])
    assert again.leave() == 0


def test_who_was_cut_off_is_offered_to_go_on(start, says):
    says("Paris ...", "Paris it is.", "Rome.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.seen("Paris")
    screen.kill()
    again = start()
    again.until("was cut off. Go on with it? [Y/n]")
    again.type("")
    again.until("answers Paris it is.")
    again.leave()
    third = start()
    third.seen("> ")  # it was left as it should be, so nothing is asked
    assert "cut off" not in third.raw


def test_side_effects_ask_first_and_always_is_remembered_in_the_project(start, says, folder):
    says(*[POST, POSTED] * 4)
    acting = ("repl", "--plugin", str(PLUGIN), "--kind", "tools")
    screen = start(command=acting)
    screen.seen("> ")
    screen.type("/tools post")
    screen.until("tools: post")
    screen.type("Post the letter.")
    screen.until('post wants to run with {"letter": "Hello Ann"}', "Run it? (yes, no, always) [no]:")
    screen.type("n")
    screen.until("stopped:")
    assert not (folder / "posted.txt").exists()
    screen.type("/retry")
    screen.until("(yes, no, always) [no]:")
    screen.stop()
    screen.until("Stopped. /retry goes on with it.")
    assert not (folder / "posted.txt").exists()
    screen.type("/retry")
    screen.until("(yes, no, always) [no]:")
    screen.type("always")
    screen.until("stopped:")
    assert (folder / "posted.txt").read_text() == "Hello Ann\n"
    screen.leave()
    again = start("--resume", command=acting)
    again.ready()
    again.type("Post it again.")  # "always" is less than what the engine holds to: an earlier answer has been heard
    again.until("was not planned before 'an earlier answer' had been heard", "Run it? (yes, no) [no]:")
    again.type("n")
    again.until("stopped:")
    again.leave()
    again = start(command=acting)
    again.ready()
    again.type("/tools post")
    again.until("never asked about here: post")
    again.type("Post it again.")
    again.until("stopped:")
    assert (folder / "posted.txt").read_text() == "Hello Ann\nHello Ann\n"
    again.type("/tools ask post")
    again.until("You are asked here before post runs.")
    assert json.loads((folder.parent / "data" / "allowed.json").read_text()) == {str(folder): []}


def test_an_objection_is_evidence_and_approval_too(start, says, asked):
    says("Lyon it is.", "Paris it is.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/challenge The president lives in Paris.")
    screen.until("person on attempt 0: revise. The president", "attempt 0 is refuted by person", "answers Paris it is.",
                 "stopped:")
    assert "The president lives in Paris." in "".join(asked()[1])
    screen.type("/diff")
    screen.until("-Lyon it is.", "+Paris it is.")
    screen.type("/good")
    screen.until("Supported by person")
    screen.type("/reason I looked it up.")
    screen.until("Supported by person: a person says that it is right: I looked it up.")
    screen.type("/history")
    screen.until("Paris it is. (supported by person", "2 runs")
    screen.type("/undo")
    screen.until("Back at run", QUESTION)
    screen.type("/bad")
    screen.until("Nothing supports this answer")


def test_an_objection_is_told_as_what_came_later_and_not_as_why_the_answer_was_given(start, says):
    says("Lyon it is.", "Paris it is.")
    screen = start(columns="160")
    screen.ready()
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/bad")
    screen.until("Nothing supports this answer")
    screen.type("/why")
    screen.until("because attempt 0 is unsupported", "Since then, attempt 0 is refuted by person", "Nothing supports")
    screen.type("/challenge The president lives in Paris.")
    screen.until("answers Paris it is.", "stopped:")
    screen.type("/why")
    screen.until("Attempt 0 became the answer: answers Lyon it is.", "because attempt 0 is unsupported",
                 "Attempt 1 became the answer instead of attempt 0", "attempt 0 is refuted by person")


def test_an_objection_outlives_its_undoing_and_every_command_says_so(start, says):
    says("Paris it is.", "Lyon it is.")
    screen = start(columns="160")
    screen.ready()
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/good")
    screen.until("Supported by person")
    screen.type("/challenge It is Lyon.")
    screen.until("answers Lyon it is.", "stopped:")
    screen.type("/undo")
    screen.until("Back at run", "Your objection still counts")
    screen.type("/history")
    screen.until("Paris it is. (not supported; run")
    screen.type("/why")
    screen.until("Since then, attempt 0 is refuted by person", "Nothing supports this answer")
    screen.type("/good")
    screen.until("Supported by person")
    screen.type("/history")
    screen.until("Paris it is. (supported by person; run")


def test_a_run_that_is_told_whole_is_broken_between_words_and_stays_indented(start, says):
    sentence = "The capital was moved repeatedly."
    says(" ".join([sentence] * 8))
    screen = start(columns="60")
    screen.ready()
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/edit")
    screen.until("No critic asked for a revision in the latest run.")
    shown = len(screen.raw)
    screen.type("/trace")
    screen.until("step 1: model", "stopped:")
    body = [line for line in screen.raw[shown:].splitlines() if line.startswith("    ") and "capital" in line]
    assert len(body) > 3 and all(set(line.split()) <= set(sentence.split()) for line in body)


def test_a_critique_is_rewritten_before_the_answer_is_revised(start, says, asked):
    says(CRASH, RIGHT, DERIVED, RIGHT, DERIVED)
    screen = start("--strategy", "critic", "--kind", "math", "--sandbox", "embedded")
    screen.seen("> ")
    screen.type("/edit on")
    screen.until("You are given each critique")
    screen.type("/budget rounds 2")
    screen.until("2 rounds")
    screen.type(JARS)
    screen.until("program on attempt 0: revise", "the reviser is told it.")
    screen.seen("> ")
    screen.keys(" Fifteen jars, do you see?")
    screen.keys("\r")
    screen.until("person on attempt 0: revise", "Fifteen jars, do you see?", "attempt 1, revises attempt 0")
    assert "NameError" in asked()[1][-1] and "Fifteen jars, do you see?" in asked()[1][-1]
    screen.until("stopped:")
    screen.type("/edit")
    screen.until("What program said of attempt 0", "> Your program failed", "math · spent")
    screen.keys(" Fifteen!\r")
    screen.until("person on attempt 0: revise", "Fifteen!", "stopped:")


def test_a_critique_that_is_left_as_it_is_lets_the_run_go_on(start, says):
    says(CRASH, RIGHT, DERIVED)
    screen = start("--strategy", "critic", "--kind", "math", "--sandbox", "embedded")
    screen.seen("> ")
    screen.type("/edit on")
    screen.until("You are given each critique")
    screen.type(JARS)
    screen.until("the reviser is told it.")
    screen.seen("> ")
    screen.keys("\r")
    screen.until("left as it is", "answers 60", "Supported by agreement")
    screen.type("/edit off")
    screen.until("revised without asking")
    screen.type("/why")
    screen.until("Attempt 1 became the answer instead of attempt 0", "because", "supports by agreement")


def test_a_run_is_forked_at_a_step_with_other_settings(start, says):
    says(CRASH, RIGHT, DERIVED, RIGHT, DERIVED)
    screen = start("--strategy", "critic", "--kind", "math", "--sandbox", "embedded")
    screen.seen("> ")
    screen.type(JARS)
    screen.until("Supported by agreement")
    screen.type("/fork")
    screen.until("step 1: model", "step 2: tool python", "/fork N")
    screen.type("/strategy none")
    screen.until("strategy: none")
    screen.type("/fork 2")
    screen.until("strategy none", "NameError", "No answer was found", "stopped:")
    screen.type("/good")
    screen.until("The latest run has no answer.")
    screen.type("/fork 99")
    screen.until("has", "steps, not 99")
    screen.type("/history")
    screen.until("2 runs")


def test_files_that_a_question_mentions_are_material_for_it(start, says, asked, folder):
    says("It says 17.", "It says 18.")
    (folder / "bill one.txt").write_text("Total: 17 euros", encoding="utf-8")
    (folder / "bills.txt").write_text("Total: 18 euros", encoding="utf-8")
    screen = start()
    screen.seen("> ")
    screen.keys("What does @bil")
    screen.seen(" bill one.txt ")
    screen.keys("\t")
    screen.seen('> What does @"bill one.txt"')
    screen.keys(" say, and @somebody?\r")
    screen.until("with bill one.txt", "note: no such file: somebody", "It says 17.", "stopped:")
    assert "Total: 17 euros" in "".join(asked()[0]) and "@somebody?" in "".join(asked()[0])
    screen.type("And @missing.txt?")
    screen.until("There is no file missing.txt here.")
    (folder / "big.bin").write_bytes(b"\0" * 10)
    screen.type("And @big.bin?")
    screen.until("big.bin is neither text nor a picture")


def test_a_picture_goes_to_models_that_see(start, says, folder):
    says("I see it.")
    (folder / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    screen = start()
    screen.seen("> ")
    screen.type("What is in @cat.png ?")
    screen.until("with cat.png", "I see it.")


def test_several_lines_history_and_search(start, says, asked):
    says("One.", "Two.", "Three.")
    screen = start()
    screen.seen("> ")
    screen.keys("first line\x1b\rsecond line\r")
    screen.until("One.", "stopped:")
    assert "first line\nsecond line" in asked()[0][-1]
    screen.type("another question")
    screen.until("Two.", "stopped:")
    screen.keys("\x0f")  # Ctrl-O
    screen.until("/trace calls", "step 1: model script", "Two.")
    screen.keys("\x12first")  # Ctrl-R
    screen.seen("second line")
    screen.keys("\r\r")
    screen.until("Three.", "stopped:")
    assert "first line\nsecond line" in asked()[2][-1]


def test_a_pasted_text_is_one_question(start, says, asked):
    says("Fine.")
    screen = start()
    screen.seen("> ")
    screen.keys("\x1b[200~def f():\n    return 1\n\x1b[201~\r")
    screen.until("Fine.")
    assert "def f():\n    return 1" in asked()[0][-1]


def test_commands_and_what_they_take_are_completed(start, says):
    screen = start()
    screen.seen("> ")
    screen.keys("/stra")
    screen.seen("What to do next")
    screen.keys("\t")
    screen.seen("> /strategy ")
    screen.keys("self-c")
    screen.seen(" self-consistency ")
    screen.keys("\t")
    screen.seen("> /strategy self-consistency")
    screen.keys("\r\r")
    screen.until("strategy: self-consistency")
    screen.type("/strategy nonsense")
    screen.until("nonsense")
    screen.type("/straetgy")
    screen.until("no command named 'straetgy'. Did you mean 'strategy'?")
    screen.type("/strategy default")
    screen.until("strategy: none")


def test_what_models_say_is_neither_escape_nor_markup(start, says):
    says("\x1b[2J\x1b]0;owned\x07[bold]Paris[/bold] \u202eevil")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("answers ␛[2J␛]0;owned␇[bold]Paris[/bold] \\u202eevil", "stopped:")
    assert "owned\x07" not in screen.raw and "\u202e" not in screen.raw


def test_plugins_bring_commands(start, says):
    says("Paris it is.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/shout hear")
    screen.until("HEAR Paris it is. ␛[31m")
    screen.type("/help shout")
    screen.until("brought by plugins", "/shout", "Say it loudly.")


def test_answers_can_be_had_unchecked(start, says):
    says("Sixty.")
    screen = start("--strategy", "critic")
    screen.seen("> ")
    screen.type("/verify off")
    screen.until("not checked: nothing but the model's word")
    screen.type(JARS)
    screen.until("strategy none", "Nothing supports this answer")
    screen.type("/strategy critic")
    screen.until("not checked now, whatever strategy")
    screen.type("/verify on")
    screen.until("checked, with strategy critic")


def test_a_conversation_is_kept_under_a_name_and_exported(start, says, folder):
    says("Paris `it` is.")
    screen = start()
    screen.seen("> ")
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.type("/save france")
    screen.until("agentfix repl --resume france")
    screen.type("/export france.md")
    screen.until("1 question with answers and evidence: france.md")
    text = (folder / "france.md").read_text(encoding="utf-8")
    assert QUESTION in text and "```\nParis `it` is.\n```" in text and "Nothing supports this answer" in text
    screen.type("/good")
    screen.until("Supported by person")
    screen.type("/export sft rows.jsonl")
    screen.until("1 row: rows.jsonl")
    assert json.loads((folder / "rows.jsonl").read_text(encoding="utf-8"))
    screen.leave()
    other = start()
    other.seen("> ")
    other.type("/load")
    other.until("france 1 questions")
    other.type("/load france")
    other.until("Now in france, with 1 questions.")
    taken = start("--resume", "france")
    taken.until("'france' is open in another process")


def test_what_goes_wrong_ends_no_conversation(start, says):
    says("Paris it is.")
    screen = start()
    screen.seen("> ")
    for line, said in (("/trace", "Nothing was asked yet"), ("/fork x", "'x' is no step"),
                       ("/load x", "no conversation"), ("/budget rounds many", "'many' is no number"),
                       ("/sandbox moon", "moon"), ("/challenge", "needs your objection"),
                       ("/edit", "Nothing was asked yet"),
                       ("/reason because", "not said yet"), ("/export", "needs a file"), ("/search", "something to")):
        screen.type(line)
        screen.until(line, said)
    screen.type(QUESTION)
    screen.until("Paris it is.")
