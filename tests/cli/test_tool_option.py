"""`--tool NAME`: the model acts with the tools that are named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agentfix import Agent, Plugins, hookimpl, tool
from agentfix.cli.main import main
from agentfix.testing import ScriptedModel, script_plugin


@tool
def weigh(parcel: str) -> str:
    """Weigh a parcel."""
    return f"{parcel} weighs 3 kg."


class Plugin:
    @hookimpl
    def agentfix_register_tools(self, register):
        register(weigh)


def run(model, *arguments):
    return main(["run", "How heavy is parcel A?", "--model", "scripted:", "--sandbox", "embedded", *arguments],
                make_agent=lambda settings: Agent(
                    settings, Plugins(settings, {"script": script_plugin(model), "weigh": Plugin()})))


def script():
    return ScriptedModel([
        json.dumps({"plan": [{"do": "weigh A", "tool": "weigh"}],
                    "calls": [{"tool": "weigh", "arguments": {"parcel": "A"}}]}),
        json.dumps({"thought": "It is known.", "answer": "3 kg"})])


def test_the_plan_the_calls_and_what_they_said_are_shown(capfd):
    model = script()
    run(model, "--tool", "weigh", "--strategy", "none")
    shown = capfd.readouterr().out.splitlines()
    wanted = ["kind tools: tools were named for it; use --kind to change it", "plan: weigh A with weigh",
              "actor calls weigh(parcel='A')", "    A weighs 3 kg.", "attempt 0 (act): answers 3 kg"]
    assert [line for line in shown if line in wanted] == wanted
    model.assert_done()


def test_a_step_is_told_with_its_run(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))
    run(script(), "--tool", "weigh", "--strategy", "none", "--quiet")
    capfd.readouterr()
    assert main(["runs", "list", "--json"]) == 0
    name = json.loads(capfd.readouterr().out)["runs"][0]["id"]
    assert main(["runs", "show", name]) == 0
    told = capfd.readouterr().out
    assert "weigh says ok" in told and "A weighs 3 kg." in told


def test_an_unknown_one_is_misuse_and_named(capfd):
    assert run(ScriptedModel([]), "--tool", "weihg") == 2
    assert "weigh" in capfd.readouterr().err


def test_the_tools_of_servers_are_listed_when_they_are_opened(capfd, tmp_path, monkeypatch):
    fake = Path(__file__).parent.parent / "plugins" / "mcp" / "fake.py"
    (tmp_path / "agentfix.toml").write_text(
        f"[mcp_servers.fake]\ncommand = {json.dumps([sys.executable, '-I', str(fake), 'usual', str(tmp_path)])}\n"
        '[mcp_servers.gone]\ncommand = ["no-such-program"]\n', encoding="utf-8")
    monkeypatch.setenv("AGENTFIX_SEARCH_ENGINES", "nope")
    monkeypatch.chdir(tmp_path)
    assert main(["tools"]) == 0
    assert "fake__" not in capfd.readouterr().out
    assert main(["tools", "--open"]) == 0
    said = capfd.readouterr()
    assert "fake__" in said.out and "'gone' can't be reached" in said.err
    assert "'web_search' can't be had: There is no search engine named 'nope'." in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that one stands in can't be removed")
def test_a_folder_that_is_gone_is_named(capfd, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(ScriptedModel([]), "--tool", "weigh") == 2
    assert "The current folder is not there any more." in capfd.readouterr().err
    monkeypatch.chdir(tmp_path)
