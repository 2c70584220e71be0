"""`agentfix plugins list | info | enable | disable`, and `--plugin`."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.terminals import Terminal

TABLE = """
from agentfix.cli.plugins.table import show_table
show_table([("mine", "demo", "word " * 60 + "end"), ("other", "demo", "short")])
"""

SPENDER = '''
"""Sends money."""

from agentfix import Secrets, hookimpl, tool

@tool(hosts=("bank.example",), secrets=("BANK_KEY", "BANK_PIN"), side_effects=True)
def pay(amount: float, *, secrets: Secrets) -> str:
    """Pay somebody."""
    return f"Paid {amount}."

@hookimpl
def agentfix_register_tools(register):
    register(pay)
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a plugin and a broken one, in which the command line stands."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "bank.py").write_text(SPENDER)
    (tmp_path / "plugins" / "bad.py").write_text("def (")
    (tmp_path / "agentfix.toml").write_text("# mine\nmodel = 'replay:x'  # kept\n\n[endpoints.a]\nbase_urls = ['http://x']\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(out):
    return {line.split()[0]: line for line in out.splitlines()}


@pytest.mark.parametrize("arguments", [("plugins",), ("plugins", "list")])
def test_the_list_tells_what_each_brings_and_what_is_wrong(cli, project, arguments):
    status, out, _ = cli(*arguments)
    assert status == 0
    assert rows(out)["bank"].endswith("tool pay")
    assert "NOT USED: Plugin 'bad': can't be imported: bad.py line 1" in rows(out)["bad"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_what_does_not_fit_a_terminal_goes_on_in_its_column():
    first, second, other = Terminal(TABLE).answer("").splitlines()
    assert (len(first), len(second), other) == (197, 131, "other  demo  short")
    assert second.startswith(" " * 13 + "word ")


def test_elsewhere_a_row_is_a_line(capsys):
    exec(TABLE, {})
    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [316, 18]


def test_the_list_as_json(cli, project):
    _, out, _ = cli("plugins", "list", "--json")
    bank = next(each for each in json.loads(out)["plugins"] if each["name"] == "bank")
    assert (bank["origin"], bank["parts"], bank["problem"]) == ("project", [["tool", "pay"]], "")


def test_info_tells_what_tools_may_do_and_never_a_secret(cli, project, monkeypatch):
    monkeypatch.setenv("BANK_KEY", "hunter2")
    status, out, err = cli("plugins", "info", "bank")
    assert (status, err) == (0, "")
    for said in ("Sends money.", "plugins/bank.py", "tool pay: Pay somebody.", "hosts: bank.example",
                 "side effects: yes", "secrets: BANK_KEY (set), BANK_PIN (not set)", "arguments: amount"):
        assert said in out
    assert "hunter2" not in out
    _, out, _ = cli("plugins", "info", "bank", "--json")
    assert json.loads(out)["parts"][0]["secrets"] == {"BANK_KEY": True, "BANK_PIN": False}


def test_info_of_a_broken_plugin_tells_what_is_wrong(cli, project):
    status, out, _ = cli("plugins", "info", "bad")
    assert status == 0
    assert "NOT USED: Plugin 'bad'" in out


def test_a_plugin_is_switched_off_and_on_and_comments_stay(cli, project):
    before = (project / "agentfix.toml").read_text()
    assert cli("plugins", "disable", "bank") == (0, "Plugin 'bank' is left out: agentfix.toml.\n", "")
    assert 'disabled_plugins = ["bank"]' in (project / "agentfix.toml").read_text()
    assert "# mine\nmodel = 'replay:x'  # kept\n" in (project / "agentfix.toml").read_text()
    assert "disabled: " in rows(cli("plugins")[1])["bank"]
    assert "pay" not in rows(cli("tools")[1])
    cli("plugins", "enable", "bank")
    assert (project / "agentfix.toml").read_text() == before.replace("\n\n", "\ndisabled_plugins = []\n\n")
    assert "pay" in rows(cli("tools")[1])


def test_enabling_puts_a_plugin_onto_the_allow_list(cli, project):
    (project / "agentfix.toml").write_text('enabled_plugins = ["bad"]\n')
    assert "disabled: enabled_plugins" in rows(cli("plugins")[1])["bank"]
    cli("plugins", "enable", "bank")
    assert rows(cli("plugins")[1])["bank"].endswith("tool pay")


def test_what_the_environment_says_otherwise_is_told(cli, project, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DISABLED_PLUGINS", "bank")
    status, _, err = cli("plugins", "enable", "bank")
    assert status == 0
    assert "still leaves it out" in err


def test_a_new_settings_file_says_what_else_it_brings_about(cli, project):
    (project / "agentfix.toml").unlink()
    _, out, _ = cli("plugins", "disable", "python")
    assert "from now on the folder plugins is a folder of plugins" in out


@pytest.mark.parametrize("command", ["info", "enable", "disable"])
def test_an_unknown_plugin_gets_a_suggestion(cli, project, command):
    status, _, err = cli("plugins", command, "bnak")
    assert (status, err) == (2, "agentfix: There is no plugin named 'bnak'. Did you mean 'bank'?\n")


@pytest.mark.parametrize("name", ["mine", "mine.py"])
def test_info_of_a_file_that_is_here_tells_how_to_name_it(cli, project, name):
    (project / "mine.py").write_text(SPENDER)
    assert cli("plugins", "info", name)[2].endswith("Use: agentfix plugins info mine --plugin mine.py\n")
    assert cli("plugins", "info", "mine", "--plugin", "mine.py")[0] == 0


def test_a_list_that_names_no_plugin_is_told(cli, project, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DISABLED_PLUGINS", "bnak")
    assert "a plugin 'bnak', which is not here" in cli("plugins")[2]


def test_a_plugin_can_be_named_besides_those_of_the_settings(cli, project, tmp_path):
    (project / "mine.py").write_text(SPENDER.replace("pay", "give"))
    (project / "agentfix.toml").write_text('plugins = ["./mine.py"]\n')
    (project / "other.py").write_text(SPENDER.replace("pay", "lend"))
    assert {"pay", "give", "lend"} <= rows(cli("tools", "--plugin", "other.py")[1]).keys()


def test_a_run_is_told_of_plugins_that_are_named(cli, agent, project):
    cli("run", "q", "--json", "--plugin", "./plugins/bank.py", "--plugin", "agentfix_plugins.kinds")
    assert agent.settings.plugins == ("./plugins/bank.py", "agentfix_plugins.kinds")


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_sound_plugin_passes_with_a_line_for_each_check(cli, project):
    status, out, err = cli("plugins", "check", "plugins/bank.py", "--verbose")
    *lines, last = out.splitlines()
    assert (status, err) == (0, "")
    assert "bank: it can be imported: ok" in lines
    assert "tool pay: its schema is valid: ok" in lines
    assert "tool pay: it is deterministic if it says so: skipped: it does not say so" in lines
    passed = sum(": ok" in line for line in lines)
    assert last.startswith(f"{passed} checks passed, ") and "failed" not in last


def test_what_passed_is_counted_and_not_told(cli, project):
    status, out, _ = cli("plugins", "check", "plugins/bank.py")
    *lines, last = out.splitlines()
    assert status == 0 and " checks passed" in last
    assert lines and all(": skipped: " in line or ": warning" in line for line in lines)


def test_a_broken_plugin_fails_with_what_is_wrong(cli, project):
    status, out, _ = cli("plugins", "check", "plugins/bad.py")
    assert status == 1
    first, last = out.splitlines()
    assert first.startswith("bad: it can be imported: FAILED: it can't be imported: bad.py line 1: SyntaxError")
    assert last == "0 checks passed, 1 failed."


def test_a_check_as_json(cli, project):
    status, out, _ = cli("plugins", "check", "plugins/bad.py", "--json")
    found = json.loads(out)
    assert (status, found["passed"], found["checks"][0]["status"]) == (1, False, "failed")


def test_an_installed_plugin_is_checked_by_its_name(cli, project):
    status, out, _ = cli("plugins", "check", "kinds", "-v")
    assert status == 0
    assert "kind math: it reads any completion: ok" in out.splitlines()


def test_checking_what_is_not_there_is_misuse(cli, project):
    assert cli("plugins", "check", "./nothing.py") == (
        2, "", "agentfix: There is no plugin './nothing.py': nothing is there.\n")


# --- new --------------------------------------------------------------------------------------------------------------


def test_a_new_plugin_is_written_and_the_next_steps_are_told(cli, project):
    status, out, err = cli("plugins", "new", "word-demo")
    assert (status, err) == (0, "")
    assert out.splitlines()[1:3] == ["  pip install ./word-demo", "  agentfix plugins check word-demo"]
    assert "word_demo" in rows(cli("tools", "--plugin", "./word-demo")[1])


def test_the_name_of_a_tool_that_there_is_can_t_be_taken(cli, project):
    assert cli("plugins", "new", "pay") == (
        2, "", "agentfix: There is a plugin or tool named 'pay' already. Choose another name.\n")
