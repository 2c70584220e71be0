"""`agentfix run`: what goes in, what comes out, and the exit status."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from agentfix.types import EvidenceClass


def test_a_supported_answer_is_the_last_line_and_status_0(cli, agent):
    status, out, err = cli("run", "What is half of one?")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "0.5"
    assert "Supported by agreement: a second program agrees" in out
    assert "600 tokens read, 300 cached, 120 written, 4.2 s, 2 rounds, 2 tool calls" in out
    assert agent.closed


def test_an_unsupported_answer_is_status_3_and_said(cli, agent, unsupported):
    agent.result = unsupported
    status, out, _ = cli("run", "q")
    assert status == 3
    assert out.splitlines()[-2:] == ["Nothing supports this answer: every attempt was refuted", "0.5"]


def test_support_below_the_required_class_is_said(cli, agent):
    agent.result = replace(agent.result, abstained=True)
    status, out, _ = cli("run", "q", "--require", "measurement")
    assert status == 3
    assert "Supported by agreement only" in out
    assert agent.settings.required_class is EvidenceClass.MEASUREMENT


def test_plain_lines_hold_no_escape_codes(cli):
    _, out, _ = cli("run", "q")
    assert "\x1b" not in out
    assert "␛[31m[bold]red[/bold]␇" in out


def test_json_is_one_object_with_everything_in_it(cli):
    status, out, err = cli("run", "q", "--json")
    assert (status, out.count("\n"), err) == (0, 1, "agentfix: plugin 'x' is not used\n")
    told = json.loads(out)
    assert {key: told[key] for key in ("answer", "supported_by", "abstained", "stop_reason", "kind", "run_id")} == {
        "answer": "0.5", "supported_by": "agreement", "abstained": False, "stop_reason": "supported", "kind": "math",
        "run_id": "run-1"}
    assert told["usage"] == {"prompt_tokens": 900, "cached_prompt_tokens": 300, "completion_tokens": 120,
                             "model_calls": 3, "tool_calls": 2, "cost": 0.0,
                             "estimated": False}
    first, second = told["attempts"]
    assert (first["id"], first["parent"], second["parent"]) == (0, None, 0)
    assert first["observation"]["status"] == "error"
    assert second["standing"] == {"state": "supported", "class": "agreement", "weight": 2.0,
                                  "reason": "a second program agrees"}
    assert first["critiques"] == [{"critic": "program", "verdict": "revise", "feedback": "line 1 divides by zero",
                                   "evidence": [{"class": "measurement", "polarity": "refutes", "author": "python",
                                                 "summary": "it raised ZeroDivisionError", "origin": "instrument",
                                                 "coverage": "necessary", "weight": 1.0, "detail": ""}]}]


def test_quiet_prints_the_answer_alone(cli):
    assert cli("run", "q", "--quiet") == (0, "0.5\n", "")


def test_quiet_does_not_let_an_unsupported_answer_look_verified(cli, agent, unsupported):
    agent.result = unsupported
    status, out, err = cli("run", "q", "--quiet")
    assert (status, out) == (3, "0.5\n")
    assert "Nothing supports this answer" in err


def test_an_answer_that_a_run_declined_to_give_is_not_printed_as_the_answer(cli, agent):
    agent.result = replace(agent.result, declined=True, abstained=True)
    status, out, err = cli("run", "q", "--quiet")
    assert (status, out) == (3, "") and "Declined to answer" in err
    assert cli("run", "q")[1].splitlines()[-1] == "(no answer)"


def test_quiet_json_is_the_object_alone(cli):
    status, out, err = cli("run", "q", "--quiet", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["answer"] == "0.5"


def test_no_answer_at_all(cli, agent, unsupported):
    agent.result = replace(unsupported, answer=None, best=None)
    status, out, _ = cli("run", "q")
    assert status == 3
    assert out.splitlines()[-1] == "(no answer)"


def test_options_become_settings(cli, agent):
    cli("run", "q", "--model", "fake:m", "--critic-model", "fake:c", "--strategy", "best-of-n:4", "--kind", "code",
        "--sandbox", "docker", "--max-rounds", "0", "--max-tokens", "9", "--max-seconds", "1.5", "--max-cost", "0.1",
        "--seed", "7")
    settings = agent.settings
    assert (settings.model, settings.critic_model, settings.strategy, settings.kind, settings.sandbox) == (
        "fake:m", "fake:c", "best-of-n:4", "code", "docker")
    assert (settings.max_rounds, settings.max_tokens, settings.max_seconds, settings.max_cost, settings.seed) == (
        0, 9, 1.5, 0.1, 7)
    assert agent.tasks[0].kind == "code"


def test_a_negative_limit_is_misuse(cli):
    status, _, err = cli("run", "q", "--max-rounds", "-1")
    assert status == 2
    assert "max_rounds" in err


# --- questions --------------------------------------------------------------------------------------------------------


def test_the_question_comes_from_a_file(cli, agent, tmp_path):
    (tmp_path / "q.txt").write_bytes("\ufeffHow many? é\r\n".encode())
    cli("run", "--file", str(tmp_path / "q.txt"))
    assert agent.tasks[0].question == "How many? é"


def test_the_question_comes_from_standard_input(cli, agent, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"How many?\n")))
    cli("run", "-")
    assert agent.tasks[0].question == "How many?"


def test_a_question_of_a_megabyte_is_read_whole(cli, agent, tmp_path):
    (tmp_path / "q.txt").write_text("x " * 600_000, encoding="utf-8")
    status, _, _ = cli("run", "--file", str(tmp_path / "q.txt"), "--quiet")
    assert status == 0
    assert len(agent.tasks[0].question) == 1_199_999


@pytest.mark.parametrize(("data", "complaint"), [(b"caf\xe9", "is not UTF-8: byte 3 is 0xe9"), (b" \n", "is empty")])
def test_an_unusable_question_is_misuse(cli, tmp_path, monkeypatch, data, complaint):
    (tmp_path / "q.txt").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    for arguments in (["--file", str(tmp_path / "q.txt")], ["-"], ["--", data.decode("utf-8", "surrogateescape")]):
        status, out, err = cli("run", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert complaint in err


@pytest.mark.parametrize("arguments", [[], ["q", "--file", "q.txt"], ["--file", "absent.txt"], ["--file", "."],
                                       ["q", "--tests", "absent.py"]])
def test_a_missing_or_double_question_is_misuse(cli, arguments):
    status, out, err = cli("run", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)


# --- checks -----------------------------------------------------------------------------------------------------------


def test_the_callers_checks_go_with_the_task(cli, agent, tmp_path):
    (tmp_path / "checks.py").write_text("assert float(answer) == 0.5\n", encoding="utf-8")
    cli("run", "q", "--tests", str(tmp_path / "checks.py"))
    (check,) = agent.tasks[0].checks
    assert (check.name, check.source) == ("checks.py", "assert float(answer) == 0.5\n")


def test_test_functions_are_called_so_that_they_can_fail(cli, agent, tmp_path):
    (tmp_path / "t.py").write_text("def test_half(tolerance=0):\n    assert answer == 3", encoding="utf-8")
    cli("run", "q", "--tests", str(tmp_path / "t.py"))
    with pytest.raises(AssertionError):
        exec(agent.tasks[0].checks[0].source, {"answer": 2})


@pytest.mark.parametrize("source", ["", "# nothing\n", "def (", "a = '\0'", "def test_x(tmp_path): pass",
                                    "async def test_x(): pass", "def test_x(*, a): pass"])
def test_checks_that_check_nothing_are_misuse(cli, tmp_path, source):
    (tmp_path / "t.py").write_text(source, encoding="utf-8")
    status, out, err = cli("run", "q", "--tests", str(tmp_path / "t.py"))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "t.py" in err


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------

ENDLESS = """
import asyncio, sys
from agentfix.cli.main import main
from agentfix.types import Event, Expand, Task

class Endless:
    on_approval = None
    async def __aenter__(self): return self
    async def __aexit__(self, *_): print("closed", flush=True)
    async def astream(self, task):
        yield Event("run_started", "run-9", 0.0, {"task": task, "strategy": "s", "model": "m"})
        yield Event("move", "run-9", 0.0, {"move": Expand()})
        print("begun", flush=True)
        await asyncio.Event().wait()

sys.exit(main(["run", "q"], make_agent=lambda settings: Endless()))
"""


def test_ctrl_c_closes_the_agent_and_says_what_is_kept():
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert out == "closed\n"
    assert err == "agentfix: stopped; go on with: agentfix resume run-9\n"
    assert process.returncode == 130
