"""`agentfix runs`, `resume`, `replay`, `run --fork`: over a real journal; only the model is scripted."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

from agentfix import Critique, ModelError, hookimpl
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.test_resuming import PowerCut, Stamp, approved

QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"
CRASH = "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```"
RIGHT = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
DERIVED = "\x1b[31mEach crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."
SCRIPT = [CRASH, RIGHT, DERIVED]
IN_A_FILE = pytest.mark.parametrize("kept", ["file"], indirect=True)


class Picky:
    """A critic that likes nothing."""

    name = "picky"

    async def review(self, task, attempts, context):
        return [Critique(a.id, self.name, "revise", "I do not like it.") for a in attempts]

    @hookimpl
    def agentfix_register_critics(self, register):
        register("picky", lambda build: self)


@pytest.fixture(params=["file", "postgresql"])
def kept(request, monkeypatch):
    """Where the journal is kept."""
    if request.param == "postgresql":
        monkeypatch.setenv("AGENTFIX_JOURNAL", request.getfixturevalue("database"))
    return request.param


@pytest.fixture
def call(kept, tmp_path, monkeypatch, capfd):
    """Runs a command in an empty data folder; gives its status, output and errors."""
    for name, value in (("MODEL", "scripted:"), ("SANDBOX", "embedded"), ("DATA_DIR", str(tmp_path / "data"))):
        monkeypatch.setenv(f"AGENTFIX_{name}", value)

    def run(*arguments, script=(), plugins=()):
        extra = {"script": script_plugin(ScriptedModel(script)), **{str(i): p for i, p in enumerate(plugins)}}
        status = main(list(arguments), make_agent=lambda settings: Agent(settings, Plugins(settings, extra),
                                                                         on_approval=approved))
        said = capfd.readouterr()
        return status, said.out, said.err

    return run


def cut_off(call, *script):
    with pytest.raises(PowerCut):
        call("run", QUESTION, script=[*script, PowerCut()])


def test_a_run_that_failed_says_why(call):
    status, _, _ = call("run", QUESTION, script=[ModelError("The model went away.")])
    assert status == 1
    assert "failed" in call("runs", "list")[1]
    assert "It has not ended (The model went away.)" in call("runs", "show", "last")[1]


def test_a_run_that_was_cut_off_is_listed_and_gone_on_with(call, tmp_path):
    cut_off(call, CRASH)
    assert "cut off" in call("runs", "list")[1]
    _, shown, _ = call("runs", "show", "last")
    assert "step 2: tool python" in shown and "NameError" in shown and "agentfix resume" in shown
    status, out, _ = call("resume", "last", "--json", script=[RIGHT, DERIVED])
    assert status == 0 and json.loads(out)["answer"] == "60"
    _, listed, _ = call("runs", "list", "--json")
    (run,) = json.loads(listed)["runs"]
    assert (run["ended"], run["answer"], run["supported_by"], run["question"]) == (True, "60", "agreement", QUESTION)
    file = str(tmp_path / "r.jsonl")
    assert call("resume", run["id"][:12], "--quiet", "--record", file, script=[])[:2] == (0, "60\n")
    assert call("replay", file, "--quiet")[:2] == (0, "60\n")


def test_a_list_says_by_which_strategy_a_question_was_answered_and_fits_a_terminal(call):
    call("run", QUESTION * 3, "--strategy", "none", script=SCRIPT[1:])
    call("run", QUESTION * 3, "--strategy", "self-consistency:2", script=SCRIPT[1:])
    lines = call("runs", "list")[1].splitlines()
    assert [line.split("  ")[2] for line in lines[1::2]] == ["self-consistency:2", "none"]
    assert len(lines) == 4 and all("A crate holds" in line for line in lines[1::2])
    assert all(len(line) <= 80 for line in lines)


def test_what_models_and_tools_said_reaches_no_terminal_raw(call):
    assert call("run", QUESTION, script=SCRIPT)[0] == 0
    _, shown, _ = call("runs", "show", "last")
    assert "\x1b" not in shown and "\\u241b" not in shown and "␛[31m" in shown
    assert shown.splitlines()[-1] == "60" and "supported by agreement" in shown


def test_a_run_is_replayed_and_forked_by_its_steps(call):
    call("run", QUESTION, script=SCRIPT)
    status, out, _ = call("replay", "last", "--json")
    assert status == 0 and [a["text"] for a in json.loads(out)["attempts"]] == SCRIPT
    steps = json.loads(call("runs", "show", "last", "--json")[1])["steps"]
    second = [i for i, step in enumerate(steps, 1) if step["place"].endswith(".model")][1]
    status, out, _ = call("run", "--fork", f"last@{second}", "--critic", "picky", "--max-rounds", "3", "--json",
                          script=[DERIVED.replace("60", "61")], plugins=[Picky()])
    told = json.loads(out)
    assert [a["text"] for a in told["attempts"][:2]] == SCRIPT[:2] and told["attempts"][2]["answer"] == "61"
    assert len(json.loads(call("runs", "list", "--json")[1])["runs"]) == 2


def test_a_recording_is_made_and_answered_from(call, tmp_path):
    file = str(tmp_path / "r.jsonl")
    assert call("run", QUESTION, "--record", file, "--journal", "memory", script=SCRIPT)[0] == 0
    assert not (tmp_path / "data" / "journal.sqlite").exists()
    status, out, _ = call("run", QUESTION, "--model", f"replay:{file}", "--quiet")
    assert (status, out) == (0, "60\n")
    assert call("replay", file, "--quiet")[:2] == (0, "60\n")
    status, _, err = call("run", "Another question with 3 numbers: 4 and 5?", "--model", f"replay:{file}")
    assert status == 1 and "The nearest one differs" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("choice", "status", "stamped"), [("done", 0, 2), ("again", 0, 3), ("stop", 1, 1), ("ask", 1, 1)])
def test_a_call_in_doubt_is_settled_by_who_resumes(call, choice, status, stamped, monkeypatch):
    monkeypatch.setenv("AGENTFIX_CRITICS", "stamp")
    stamp = Stamp(cut=True)
    with pytest.raises(PowerCut):
        call("run", QUESTION, script=[RIGHT], plugins=[stamp])
    assert "in doubt: tool stamp" in call("runs", "show", "last")[1]
    got, out, _ = call("resume", "last", "--in-doubt", choice, "--json", script=[DERIVED], plugins=[stamp])
    assert (got, stamp.stamped) == (status, stamped)
    if status:
        assert "nobody knows whether it happened" in json.loads(out)["stop_reason"]


@IN_A_FILE
def test_what_is_forgotten_gives_its_space_back_while_another_process_writes(call, tmp_path):
    for _ in range(3):
        call("run", QUESTION + str([i * i for i in range(3000)]), "--kind", "math", script=SCRIPT)
    names = [run["id"] for run in json.loads(call("runs", "list", "--json")[1])["runs"]]
    other = sqlite3.connect(tmp_path / "data" / "journal.sqlite", timeout=30)
    before = (tmp_path / "data" / "journal.sqlite").stat().st_size
    assert call("runs", "rm", *names[1:])[1].count("forgotten") == 2
    other.execute("INSERT INTO texts (hash, body) VALUES (x'00', x'70')")
    other.commit()
    assert re.search(r"0 runs forgotten, \d+ texts dropped", call("runs", "gc")[1])
    assert call("replay", names[0], "--quiet")[:2] == (0, "60\n")
    assert call("runs", "gc", "--older-than", "0")[1].startswith("1 runs forgotten")
    other.close()
    assert (tmp_path / "data" / "journal.sqlite").stat().st_size < before
    assert call("runs", "list")[1] == ""


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (["resume", "none"], 1, "There is no run 'none'"), (["resume", "last"], 1, "There are no runs yet"),
    (["runs", "show", "last"], 1, "There are no runs yet"), (["replay", "none"], 1, "There is no run 'none'"),
    (["replay", "n" * 5000], 1, "There is no run"),
    (["run", "--fork", "none@1"], 1, "There is no run 'none'"), (["run", "--fork", "none"], 2, "no RUN@STEP"),
    (["run", "question", "--fork", "none@1"], 2, "Leave out QUESTION"),
    (["run", "question", "--image", __file__], 2, "is no picture"),
    (["run", "question", "--image", "missing.png"], 2, "can't be read"),
])
def test_what_is_not_there_is_one_line(call, arguments, status, words):
    got, out, err = call(*arguments)
    assert (got, out, err.count("\n")) == (status, "", 1) and words in err


@IN_A_FILE
def test_where_no_journal_is_there_are_no_runs_to_list(call):
    got, out, err = call("runs", "list")
    assert (got, out, err.count("\n")) == (1, "", 1) and "There are no runs yet" in err


def test_a_name_that_begins_several_runs_is_not_guessed(call):
    for _ in range(2):
        call("run", QUESTION, script=SCRIPT)
    status, _, err = call("runs", "show", "2")
    assert status == 2 and "2 runs begin with '2'" in err


@IN_A_FILE
def test_a_folder_that_can_not_be_written_is_one_line_and_memory_does_without(call, tmp_path):
    (tmp_path / "data").write_text("in the way")
    status, _, err = call("run", QUESTION, script=SCRIPT)
    assert status == 1 and "--journal memory" in err and err.count("\n") == 1
    assert call("run", QUESTION, "--journal", "memory", "--quiet", script=SCRIPT)[:2] == (0, "60\n")
    status, out, err = call("run", QUESTION, "--journal", "file-or-memory", "--json", script=SCRIPT)
    assert status == 0 and json.loads(out)["answer"] == "60" and "in memory" in err


@IN_A_FILE
@pytest.mark.parametrize(("table", "column", "value"), [
    ("runs", "header", "[]"), ("runs", "header", "{"), ("runs", "header", '{"settings": [1]}'),
    ("runs", "begun", "yesterday"), ("records", "data", "7"),
    ("calls", "digest", "text"), ("calls", "reply", "7"), ("texts", "body", "text")])
def test_a_damaged_journal_is_one_line_and_what_is_damaged_can_be_forgotten(call, tmp_path, table, column, value):
    call("run", QUESTION, script=SCRIPT)
    with sqlite3.connect(tmp_path / "data" / "journal.sqlite") as db:
        db.execute(f"UPDATE {table} SET {column} = ?", (value,))
    db.close()
    status, out, err = call("runs", "show", "last", "--json")
    assert (status, out, err.count("\n")) == (1, "", 1) and "damaged" in err
    assert call("runs", "rm", "last")[0] == 0
    assert call("runs", "list")[:2] == (0, "")


@IN_A_FILE
@pytest.mark.parametrize("command", [["runs", "tree", "last"], ["export", "sft", "--output", "rows.jsonl"]])
@pytest.mark.parametrize("damage", ["json_set(data, '$.parent', 99)", "json_set(data, '$.parent', json(data)->'id')",
                                    "json_set(data, '$.id', 7)", "'{'"])
def test_a_tree_that_can_not_be_followed_is_one_line_that_names_its_run(call, tmp_path, monkeypatch, command, damage):
    monkeypatch.chdir(tmp_path)
    call("run", QUESTION, script=SCRIPT)
    run = json.loads(call("runs", "list", "--json")[1])["runs"][0]["id"]
    with sqlite3.connect(tmp_path / "data" / "journal.sqlite") as db:
        db.execute(f"UPDATE records SET data = {damage} WHERE kind = 'attempt'")
    db.close()
    status, out, err = call(*command)
    assert (status, out, err.count("\n")) == (1, "", 1) and "damaged" in err and run in err


@IN_A_FILE
def test_a_data_folder_that_is_a_file_is_said_to_be_one(call, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "file"))
    status, _, err = call("runs", "list")
    assert status == 1 and "is no folder" in err and "no runs yet" not in err
