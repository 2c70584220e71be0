"""What people do with runs, over a journal in PostgreSQL."""

from __future__ import annotations

import json
import signal

import pytest

from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.test_resuming import CRASH, DERIVED, QUESTION, RIGHT


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Runs a command; gives its status and output."""
    for name, value in (("MODEL", "scripted:"), ("SANDBOX", "embedded"), ("DATA_DIR", str(tmp_path / "data"))):
        monkeypatch.setenv(f"AGENTFIX_{name}", value)

    def run(*arguments, script=()):
        model = {"script": script_plugin(script if isinstance(script, ScriptedModel) else ScriptedModel(script))}
        status = main([*map(str, arguments)], make_agent=lambda settings: Agent(settings, Plugins(settings, model)))
        return status, capfd.readouterr()

    return run


def test_every_command_that_looks_into_the_journal_finds_the_run(call, database, monkeypatch, tmp_path):
    assert call("run", QUESTION, "--journal", database, script=[CRASH, RIGHT, DERIVED])[0] == 0
    (run,) = json.loads(call("runs", "list", "--json", "--journal", database)[1].out)["runs"]
    for command in (("runs", "show", "last"), ("runs", "tree", "last", "--svg", tmp_path / "tree.svg"),
                    ("runs", "bisect", "last", "--answer", "60", "--json"), ("replay", "last"),
                    ("view", "last", "--html", tmp_path / "run.html"), ("memory", "list"),
                    ("export", "sft", "--output", tmp_path / "rows.jsonl", "--require", "agreement")):
        told = () if command[0] == "memory" else ("--journal", database)
        monkeypatch.setenv("AGENTFIX_JOURNAL", "file" if told else database)
        status, said = call(*command, *told)
        assert (status, said.err) == (command[1] == "bisect", ""), command
    monkeypatch.setenv("AGENTFIX_JOURNAL", database)
    assert (tmp_path / "rows.jsonl").read_text(encoding="utf-8").count("\n") == 2
    assert run["id"] in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert call("resume", "last", "--quiet")[1].out == "60\n"
    assert not (tmp_path / "data" / "journal.sqlite").exists()


def test_a_server_that_can_not_be_reached_is_one_line(call, monkeypatch):
    monkeypatch.setenv("AGENTFIX_JOURNAL", "postgresql://me:s3cr3t@127.0.0.1:1/db")
    for command in (("run", QUESTION), ("runs", "list"), ("resume", "last"), ("memory", "list")):
        status, said = call(*command, script=[RIGHT])
        assert status == 1 and said.err.count("\n") == 1 and "refused" in said.err, command
        assert "s3cr3t" not in said.err + said.out
    found = [each for each in json.loads(call("doctor", "--json")[1].out)["findings"] if each["name"] == "journal"]
    assert found[0]["state"] == "broken" and "s3cr3t" not in str(found)


class Interrupted(ScriptedModel):
    """Somebody presses Ctrl-C while it answers."""

    async def generate(self, request, *, on_delta=None):
        signal.raise_signal(signal.SIGINT)
        return await super().generate(request, on_delta=on_delta)


def test_who_stops_a_run_is_told_to_name_its_journal_again(call, database):
    status, said = call("run", QUESTION, "--journal", database, script=Interrupted([CRASH]))
    assert status == 130 and "with the same --journal" in said.err and database not in said.err
