"""`agentfix resume` beyond the straight way: runs that failed, limits, calls in doubt, and who is asked about them."""

from __future__ import annotations

import json
import sys

import pytest

from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.errors import ModelUnavailableError
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.cli.terminals import Terminal
from tests.test_resuming import CRASH, DERIVED, QUESTION, RIGHT, PowerCut, Stamp, approved


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Runs a command over a real journal; gives its status, output and errors."""
    for name, value in (("MODEL", "scripted:"), ("SANDBOX", "embedded"), ("DATA_DIR", str(tmp_path / "data"))):
        monkeypatch.setenv(f"AGENTFIX_{name}", value)

    def run(*arguments, script=(), plugins=()):
        model = ScriptedModel(script)
        extra = {"script": script_plugin(model), **{str(i): p for i, p in enumerate(plugins)}}
        status = main(list(arguments), make_agent=lambda settings: Agent(settings, Plugins(settings, extra),
                                                                         on_approval=approved))
        model.assert_done()
        said = capfd.readouterr()
        return status, said.out, said.err

    return run


def way_on(err: str) -> list[str]:
    """The command that a message ends with."""
    line = err.splitlines()[-1]
    assert "go on with: agentfix resume " in line.lower()
    return line.lower().rpartition("go on with: agentfix ")[2].split()


@pytest.mark.parametrize("before", [[], [CRASH]])
def test_a_run_whose_model_failed_says_how_to_go_on_and_does(call, before):
    gone = ModelUnavailableError("The model is gone.", "Start it.")
    status, _, err = call("run", QUESTION, "--json", script=[*before, gone])
    assert status == 1 and "The model is gone. Start it." in err
    status, out, err = call(*way_on(err), "--json", script=[CRASH, RIGHT, DERIVED][len(before):])
    assert (status, json.loads(out)["answer"], err) == (0, "60", "")


def test_a_run_kept_in_memory_and_a_replay_name_no_way_on(call):
    gone = ModelUnavailableError("The model is gone.")
    assert "resume" not in call("run", QUESTION, "--journal", "memory", script=[gone])[2]
    assert "resume" not in call("run", QUESTION, "--strategy", "nonesuch")[2]
    call("run", QUESTION, script=[CRASH, gone])
    status, _, err = call("replay", "last", "--quiet")
    assert status == 1 and "resume" not in err


def test_a_run_that_its_limit_ended_goes_on_with_another(call):
    assert call("run", QUESTION, "--max-rounds", "1", "--quiet", script=[CRASH])[0] == 3
    assert call("resume", "last", "--quiet")[0] == 3
    assert call("resume", "last", "--max-rounds", "8", "--quiet", script=[RIGHT, DERIVED])[:2] == (0, "60\n")


# --- somebody at a terminal ---------------------------------------------------------------------------------------

AT_A_TERMINAL = """
import sys
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.cli.terminals import Terminal
from tests.test_resuming import DERIVED, Stamp, approved

stamp = Stamp()
extra = {"script": script_plugin(ScriptedModel([DERIVED])), "stamp": stamp}
status = main(["resume", "last"], make_agent=lambda settings: Agent(settings, Plugins(settings, extra),
                                                                    on_approval=approved))
print(f"status {status}, stamped {stamp.stamped}")
"""


@pytest.mark.parametrize(("answer", "outcome"), [
    ("done\n", "status 0, stamped 1"), ("again\n", "status 0, stamped 2"), ("stop\n", "status 1, stamped 0"),
    ("maybe\ndone\n", "status 0, stamped 1"), ("\x04", "status 1, stamped 0"), (None, "status 130, stamped 0"),
    ("A\n", "status 0, stamped 2"),
])
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_who_sits_at_a_terminal_is_asked_about_a_call_in_doubt(call, monkeypatch, answer, outcome):
    monkeypatch.setenv("AGENTFIX_CRITICS", "stamp")
    with pytest.raises(PowerCut):
        call("run", QUESTION, script=[RIGHT], plugins=[Stamp(cut=True)])
    terminal = Terminal(AT_A_TERMINAL)
    asked = terminal.read("[stop]: ")
    assert "\x1b[?25h" in asked  # the cursor is there to write with
    assert 'stamp was begun with {"letter": 0}, and nobody knows whether it happened' in asked
    assert outcome in terminal.answer(answer)


def test_tools_keep_files_where_the_run_was_begun(call, tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    write = json.dumps({"thought": "", "calls": [{"tool": "write_file", "arguments": {
        "path": "today.md", "content": "milk"}}]})
    gone = ModelUnavailableError("The model is gone.")
    status, _, err = call("run", "Note down milk.", "--tool", "write_file", "--policy", "allow write_file",
                          "--strategy", "none", "--json", script=[gone])
    assert status == 1
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("AGENTFIX_POLICY", "allow write_file")
    call(*way_on(err), "--json", script=[write, json.dumps({"thought": "", "answer": "Noted."})])
    assert (here / "today.md").read_text(encoding="utf-8") == "milk"
    assert not list(elsewhere.iterdir())
    record = tmp_path / "record.jsonl"
    call("resume", "last", "--record", str(record))
    assert str(here) not in record.read_text(encoding="utf-8")
