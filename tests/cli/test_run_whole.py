"""The command with the real agent, strategy, critics and sandbox; only the model is scripted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "A box has 12 pens. How many pens are in 7 boxes?"
WRONG = "```python\nboxes = 7\npens = 12\nanswer = boxes + pens\n```"
CRASH = "```python\nboxes = 7\npens = 12\nanswer = boxes / 0\n```"
RIGHT = "```python\nboxes = 7\npens = 12\nanswer = boxes * pens\n```"


@pytest.fixture
def checks(tmp_path):
    file = tmp_path / "checks.py"
    file.write_text("assert answer == 84, f'{answer} is not 84'\n", encoding="utf-8")
    return str(file)


def call(model, *arguments):
    return main(["run", QUESTION, "--model", "scripted:", "--sandbox", "embedded", "--kind", "math", *arguments],
                make_agent=lambda settings: Agent(settings, Plugins(settings, {"script": script_plugin(model)})))


@pytest.mark.parametrize("mistake", [WRONG, CRASH])
def test_a_mistake_is_refuted_revised_and_the_callers_check_passes(mistake, checks, capfd):
    model = ScriptedModel([mistake, RIGHT])
    assert call(model, "--tests", checks, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["answer"], told["supported_by"], told["best"]) == ("84", "contract", 1)
    assert [attempt["standing"]["state"] for attempt in told["attempts"]] == ["refuted", "supported"]
    assert told["attempts"][1]["parent"] == 0
    model.assert_done()


def test_the_best_attempt_is_kept_when_the_budget_ends(checks, capfd):
    model = ScriptedModel([WRONG])
    assert call(model, "--tests", checks, "--max-rounds", "1") == 3
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == "19"
    assert lines[-2].startswith("Nothing supports this answer")
    assert "stopped: budget: rounds" in lines[-3]
    model.assert_done()


def test_a_zero_budget_asks_nobody(capfd):
    model = ScriptedModel([])
    assert call(model, "--max-rounds", "0") == 3
    assert capfd.readouterr().out.splitlines()[-1] == "(no answer)"
    assert model.requests == []


@pytest.mark.parametrize(("option", "name", "meant"), [
    ("--strategy", "critc", "critic"), ("--kind", "maths", "math"), ("--sandbox", "embeded", "embedded"),
    ("--model", "scriptd:", "scripted"),
])
def test_a_misspelt_name_is_misuse_and_gets_a_suggestion(option, name, meant, capfd):
    assert call(ScriptedModel([]), option, name) == 2
    captured = capfd.readouterr()
    assert captured.err.count("\n") == 1
    assert f"Did you mean {meant!r}?" in captured.err


ENDLESS = """
import asyncio, sys
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

class Endless(ScriptedModel):
    async def generate(self, request, *, on_delta=None):
        print("begun", flush=True)
        await asyncio.Event().wait()

def make(settings):
    return Agent(settings, Plugins(settings, {"script": script_plugin(Endless([]))}))

sys.exit(main(["run", "What is 1 + 1?", "--model", "scripted:", "--sandbox", "embedded"], make_agent=make))
"""


def test_ctrl_c_while_the_model_writes_stops_cleanly(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], text=True, cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.startswith("agentfix: stopped; go on with: agentfix resume ")
    assert err.count("\n") == 1
    assert (tmp_path / "journal.sqlite").exists()


def test_votes_are_told_once_a_round(capfd):
    programs, derivations = [RIGHT] * 3, ["7 boxes of 12 pens are 84.\nThe answer is 84."] * 3
    model = ScriptedModel([RIGHT, "The answer is 19.", *programs, *derivations])
    assert call(model) == 0
    told = [line for line in capfd.readouterr().out.splitlines() if line.startswith("agreement")]
    assert told[0] == "agreement: 1 of 2 independent attempts give 84, 1 of 2 independent attempts give 19"
    assert told[-1] == "agreement: 7 of 8 independent attempts give 84, 1 of 8 independent attempts give 19"
    assert len(told) == 3
    model.assert_done()
