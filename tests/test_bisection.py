"""Which round broke an answer: found in the journal's own record, without a model."""

from __future__ import annotations

import json

import pytest

from agentfix import Agent, Attempt, EvidenceClass, Result, Round, Settings, Standing, Task, Usage, bisected
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

PENS = "A box holds 12 pens. How many pens are in 7 boxes?"


def ended(answers, bests, best=None):
    attempts = tuple(Attempt(i, None, "program", "m", str(answer), answer) for i, answer in enumerate(answers))
    rounds = tuple(Round(number, best, Usage()) for number, best in enumerate(bests, 1))
    standings = tuple(Standing("unsupported", None) for _ in attempts)
    return Result("run", None, None, True, "", "", bests[-1] if best is None else best, "math", attempts, (), standings,
                  Usage(), 0.0, rounds)


@pytest.mark.parametrize(("answers", "bests", "broke", "missed"), [
    (["84", "91"], [0, 1], (2, 0, 1), ()),
    (["84", "84", "91", "90"], [0, 1, 2, 3], (3, 1, 2), ()),
    (["84", "91", "84", "77"], [0, 1, 2, 3], (2, 0, 1), ()),
    (["91", "84"], [0, 1], None, ()),
    (["91", "84"], [0, 0], None, (1,)),
    (["84", None], [0, 1], (2, 0, 1), ()),
    ([None, "91"], [0, 1], None, ()),
])
def test_the_first_round_that_made_a_right_answer_wrong_is_found(answers, bests, broke, missed):
    found = bisected(ended(answers, bests), "84".__eq__)
    assert (found.broken and (found.broken.round, found.before.best, found.broken.best)) == broke
    assert found.missed == missed


def test_what_was_chosen_after_the_last_round_counts():
    found = bisected(ended(["84", "91"], [0, 0], best=1), "84".__eq__)
    assert found.broken is not None and (found.broken.round, found.broken.best) == (3, 1)


def test_a_run_without_an_attempt_broke_nothing():
    empty = Result("run", None, None, True, "", "", None, "math", (), (), (), Usage(), 0.0)
    assert bisected(empty, bool).stages == ()


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A run whose right first answer lost to two votes for another one."""
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AGENTFIX_SANDBOX", "embedded")
    monkeypatch.setenv("AGENTFIX_MODEL", "openai:nobody")
    model = ScriptedModel([f"```python\nanswer = {n}\n```" for n in (84, 91, 91, 91)])
    settings = Settings(model="scripted:", sandbox="embedded", strategy="self-consistency:4", data_dir=tmp_path)
    with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        result = agent.run(Task(PENS, "math"))
    assert (result.answer, result.supported_by) == ("91", EvidenceClass.AGREEMENT)
    return result.run_id


@pytest.mark.parametrize("how", ["answer", "tests"])
def test_the_command_tells_the_round_and_what_spoke_for_the_wrong_answer(broken, how, tmp_path, capfd):
    checks = tmp_path / "checks.py"
    checks.write_text("assert answer == 84")
    status = main(["runs", "bisect", broken, *(("--answer", "84.0") if how == "answer" else ("--tests", str(checks)))])
    assert (status, capfd.readouterr().out.splitlines()) == (0, [
        "round 1: attempt 0 is the best, and right: 84",
        "round 2: attempt 1 is the best, and wrong: 91",
        "Round 2 broke it: attempt 1 took the place of attempt 0.",
        "  attempt 0: refuted, 1 of 4 independent attempts give 84; 3 give another answer",
        "  attempt 1: supported, 3 of 4 independent attempts give 91",
    ])


def test_the_status_says_that_no_round_broke_it(broken, capfd):
    assert main(["runs", "bisect", "last", "--answer", "7", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["run"], told["broken"], [stage["right"] for stage in told["stages"]]) == (broken, None, [False, False])


def test_what_is_right_must_be_said_once(broken, capfd):
    assert main(["runs", "bisect", "last"]) == 2
    assert "Give --answer TEXT or --tests FILE." in capfd.readouterr().err


def test_bisecting_asks_no_model(broken, monkeypatch):
    monkeypatch.setenv("AGENTFIX_MODEL", "replay:nothing")
    assert main(["runs", "bisect", "last", "--answer", "84"]) == 0
