"""What a person is shown who is asked whether a call may be made."""

from __future__ import annotations

import sys

import pytest

from agentfix.cli.asking import shown
from tests.cli.terminals import Terminal


def test_a_long_argument_pushes_none_out_of_sight():
    text = shown({"note": "x" * 100_000, "to": "mallory@evil.example"})
    assert '"to": "mallory@evil.example"' in text and "more characters" in text and len(text) < 3000


def test_both_ends_of_a_long_argument_are_shown():
    text = shown({"command": f"echo {'x' * 100_000}; rm -rf notes"})
    assert text.startswith('{"command": "echo x') and text.endswith('; rm -rf notes"}')


def test_what_can_not_be_seen_is_spelt_out():
    text = shown({"to\u202e": "ann\u200b@good.example\x1b[2K\nYou are asked nothing", "n": 3})
    assert text.isprintable() and "\\u202e" in text and "ann\\u200b@good.example" in text and '"n": 3' in text


def test_ordinary_arguments_stay_readable():
    assert shown({"to": "Jürgen", "days": [1, 2]}) == '{"to": "Jürgen", "days": [1, 2]}'
    assert shown({}) == "{}"


# --- at a terminal ----------------------------------------------------------------------------------------------------

AT_A_TERMINAL = """
import sys
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.test_resuming import QUESTION, RIGHT, Stamp

stamp, resumes = Stamp(), sys.argv[1] == "resume"
extra = {"script": script_plugin(ScriptedModel([] if resumes else [RIGHT])), "stamp": stamp}
status = main(["resume", "last"] if resumes else ["run", QUESTION],
              make_agent=lambda settings: Agent(settings, Plugins(settings, extra)))
print(f"status {status}, stamped {stamp.stamped}")
"""


@pytest.fixture
def sit(monkeypatch, tmp_path):
    """Has somebody sit at a terminal where a run, or a resumed one, asks whether a letter may be stamped."""
    for name, value in (("MODEL", "scripted:"), ("SANDBOX", "embedded"), ("CRITICS", "stamp"), ("MAX_ROUNDS", "1"),
                        ("DATA_DIR", str(tmp_path / "data"))):
        monkeypatch.setenv(f"AGENTFIX_{name}", value)

    def start(command):
        terminal = Terminal(AT_A_TERMINAL, command)
        assert 'stamp wants to run with {"letter": 0}' in terminal.read("Run it? (yes, no) [no]: ")
        return terminal

    return start


@pytest.mark.parametrize(("answer", "stamped"), [
    ("y\n", 1), ("YES\n", 1), ("Yes \n", 1), ("maybe\nY\n", 1), ("n\n", 0), ("No\n", 0), ("\n", 0), ("\x04", 0)])
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_yes_and_no_are_understood_however_they_are_written(sit, answer, stamped):
    assert f"status 3, stamped {stamped}" in sit("run").answer(answer)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_ctrl_c_ends_the_run_before_the_act_which_is_asked_about_again(sit):
    said = sit("run").answer(None)
    assert "status 130, stamped 0" in said and "agentfix: stopped; go on with: agentfix resume " in said
    assert "Traceback" not in said
    assert "status 3, stamped 1" in sit("resume").answer("y\n")
