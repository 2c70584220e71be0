"""A long conversation at a pseudo-terminal: every command, a run stopped in mid-stream, an act that is approved, a
process that is killed, and what is left of all that."""

from __future__ import annotations

import json
import sys

import pytest

from tests.repl.test_talking import CRASH, DERIVED, JARS, POST, POSTED, QUESTION, RIGHT

SAYS = ("Paris ...", "Lyon it is.", "Paris it is.", "Rome it is.", "17 euros.", CRASH, RIGHT, DERIVED, RIGHT, DERIVED,
        POST, POSTED, "Three ...", "Three rivers.", "Four rivers.")

MORNING = (
    ("/retry", ("answers Lyon it is.", "stopped:")),
    ("/challenge It is Paris.", ("person on attempt 0: revise", "attempt 1, revises attempt 0", "Paris it is.",
                                 "stopped:")),
    ("/why", ("Attempt 1 became the answer", "because")),
    ("/diff", ("-Lyon it is.", "+Paris it is.")),
    ("/diff 0 1", ("-Lyon it is.", "+Paris it is.")),
    ("/good", ("Supported by person",)),
    ("/reason My atlas says so.", ("Supported by person: a person says that it is right: My atlas says so.",)),
    ("/trace", ("attempt 1", "step 1: model script", "Supported by person")),
    ("/trace calls", ("step 1: model script", "Paris it is.")),
    ("And of Italy?", ("answers Rome it is.", "stopped:")),
    ("/bad", ("Nothing supports this answer",)),
    ("/undo", ("Taken back: And of Italy?",)),
    ("/history", ("1 What is the capital of France?", "Paris it is. (supported by person", "2 runs")),
    ("What does @bills/one.txt say?", ("with bills/one.txt", "answers 17 euros.", "stopped:")),
    ("/help", ("how answers come about", "/challenge TEXT", "brought by plugins", "/shout")),
    ("/help fork", ("/fork N",)),
    ("/plugins", ("critic", "scripted")),
    ("/plugins scripted", ("model script", "slash_command shout")),
    ("/shout hear", ("HEAR 17 euros.",)),
    ("/model", ("model: script:",)),
    ("/model critic replay:x", ("critic model: replay:x",)),
    ("/model critic default", ("model: script:",)),
    ("/critic p-true", ("critics: p-true",)),
    ("/critic -p-true", ("critics: none",)),
    ("/sandbox embedded", ("sandbox: embedded",)),
    ("/budget seconds 600", ("600 seconds", "spent so far:")),
    ("/verify off", ("not checked",)),
    ("/verify on", ("checked, with strategy none",)),
    ("/corpus bills", ("corpus: ", "bills")),
    ("/search euros", ("Total: 17 euros",)),
    ("/save hour", ("--resume hour",)),
    ("/load", ("hour 2 questions",)),
    ("/nonsense", ("There is no command named 'nonsense'.",)),
    ("/strategy critic", ("strategy: critic",)),
    ("/kind math", ("kind: math",)),
    ("/edit on", ("You are given each critique",)),
    (JARS, ("program on attempt 0: revise", "the reviser is told it.", "> Your program failed", "spent")),
    (" Fifteen jars!", ("person on attempt 0: revise", "Fifteen jars!", "answers 60", "stopped:")),
    ("/edit off", ("revised without asking",)),
    ("/fork", ("step 1: model", "/fork N")),
    ("/fork 1", ("answers 60", "stopped:")),
    ("/kind tools", ("kind: tools",)),
    ("/strategy none", ("strategy: none",)),
    ("/tools post", ("tools: post",)),
    ("Post the letter.", ("post wants to run with", "Run it? (yes, no")),
    ("yes", ("post says ok", "The letter is sent.", "stopped:")),
    ("/kind text", ("kind: text",)),
)
EVENING = (
    ("/approve", ("Supported by person",)),
    ("/retry", ("answers Four rivers.", "stopped:")),
    ("/export all.md", ("5 questions with answers and evidence: all.md",)),
    ("/export sft rows.jsonl", ("rows.jsonl.",)),
)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.timeout(600)
def test_an_hour_of_talk(start, says, folder, asked):
    says(*SAYS)
    (folder / "bills").mkdir()
    (folder / "bills" / "one.txt").write_text("Total: 17 euros", encoding="utf-8")
    screen = start()
    screen.ready()
    screen.type(QUESTION)
    screen.seen("Paris")
    screen.stop()
    screen.until("Stopped. /retry goes on with it.")
    _talk(screen, MORNING)
    screen.type("How many rivers are there?")
    screen.seen("Three")
    screen.kill()

    again = start("--resume", "hour")
    again.until("The letter is sent.", "Going on with, until Ctrl-C: How many rivers are there?",
                "answers Three rivers.", "stopped:")
    _talk(again, EVENING)
    assert again.leave() == 0

    assert len(MORNING) + len(EVENING) + 3 >= 40
    assert len(asked()) == len(SAYS), "no call that had ended was made again"
    assert (folder / "posted.txt").read_text(encoding="utf-8") == "Hello Ann\n"
    text = (folder / "all.md").read_text(encoding="utf-8")
    assert "Paris it is." in text and "Italy" not in text and "Four rivers." in text
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any("Paris it is." in json.dumps(row) for row in rows)


def _talk(screen, inputs):
    for typed, shown in inputs:
        screen.type(typed)
        screen.until(*shown)
