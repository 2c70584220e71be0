from __future__ import annotations

import sys

import pytest

from agentfix.cli.eval_watch import watcher
from agentfix.evals import Record
from tests.cli.terminals import Terminal

RECORDS = [Record("i1", "critic", "critic", 1, first_correct=False, correct=True, completion_tokens=1234, seconds=2.0),
           Record("i1", "none", "none", 1, 2, error="The model broke.")]
WATCH = """
from agentfix.cli.eval_watch import watcher
from tests.cli.test_eval_watch import RECORDS

with watcher(4, ["critic", "none"], quiet=False) as watch:
    for record in RECORDS:
        watch(record)
input("that is all")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_shows_a_table_while_an_evaluation_runs():
    terminal = Terminal(WATCH)
    shown = terminal.read("that is all")
    terminal.answer("\n")
    assert all(word in shown for word in ("first right", "critic", "100%", "1,234", "none", "2/4"))


def test_elsewhere_each_record_is_a_line(capsys):
    with watcher(4, ["critic", "none"], quiet=False) as watch:
        for record in RECORDS:
            watch(record)
    assert capsys.readouterr().err.splitlines() == [
        "1/4 i1 critic: wrong -> right, 2.0 s", "2/4 i1#2 none: error: The model broke."]


def test_who_wants_quiet_sees_nothing(capsys):
    with watcher(1, ["critic"], quiet=True) as watch:
        watch(RECORDS[0])
    assert capsys.readouterr() == ("", "")
