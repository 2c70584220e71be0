"""The entry point: names, errors and exit statuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentfix.cli.main import main
from agentfix.cli.visible import bounded, one_line, visible
from agentfix.errors import ModelUnavailableError


def test_help_names_every_command(cli):
    status, out, _ = cli("--help")
    assert status == 0
    for command in ("run", "memory", "eval", "corpus", "models", "sandbox", "doctor", "plugins", "strategies",
                    "critics", "kinds", "tools"):
        assert f"\n  {command} " in out


def test_no_arguments_show_the_help_as_misuse(cli):
    status, out, err = cli()
    assert (status, out) == (2, "")
    assert "Commands:" in err


def test_an_unknown_command_gets_a_suggestion(cli):
    assert cli("rnu") == (2, "", "agentfix: There is no command named 'rnu'. Did you mean 'run'?\n")


@pytest.mark.parametrize("arguments", [["--nonsense"], ["run", "--nonsense", "q"], ["run", "q", "--max-rounds", "many"],
                                       ["run", "q", "--require", "faith"]])
def test_misuse_is_one_line_and_status_2(cli, arguments):
    status, out, err = cli(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("agentfix: ")


def test_version(cli):
    status, out, _ = cli("--version")
    assert status == 0
    assert out.startswith("agentfix, version ")


def test_an_error_is_one_line_with_its_hint(cli, agent):
    agent.error = ModelUnavailableError("The model\nis gone\x1b[0m.", "Pull it.")
    status, _, err = cli("run", "q", "--json")
    assert status == 1
    assert err.splitlines()[-1] == "agentfix: The model is gone␛[0m. Pull it. Go on with: agentfix resume run-1"
    assert agent.closed


def test_a_bug_keeps_its_traceback(agent):
    agent.error = KeyError("bug")
    with pytest.raises(KeyError):
        main(["run", "q", "--json"], make_agent=agent)


def test_a_reader_that_goes_away_is_not_an_error():
    program = "import sys; from agentfix.cli.main import main; sys.exit(main(['kinds', '--help']))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert err == b""


def test_the_module_runs_like_the_command():
    done = subprocess.run([sys.executable, "-m", "agentfix", "rnu"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("command", ["plugins", "strategies", "critics", "kinds", "tools"])
def test_the_lists_are_printed(cli, command):
    status, out, _ = cli(command)
    assert status == 0
    assert out


def test_an_unknown_setting_in_the_environment_is_misuse(cli, monkeypatch):
    monkeypatch.setenv("AGENTFIX_STRATEGIE", "critic")
    status, _, err = cli("tools")
    assert status == 2
    assert "'strategy'" in err


def test_a_malformed_settings_file_is_misuse(cli, monkeypatch, tmp_path):
    (tmp_path / "agentfix.toml").write_text("model = [", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    status, out, err = cli("run", "q")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "agentfix.toml" in err


def test_control_characters_are_shown_not_obeyed():
    assert visible("a\x1b[2J\x9b\r\nb\tc\u202e\udc80") == "a␛[2J\\u009b\nb\tc\\u202e\\udc80"
    assert one_line(" a\n\n b ") == "a b"


def test_long_text_says_what_was_left_out():
    assert bounded("x" * 30, characters=10) == "x" * 10 + "\n... 20 more characters"
    assert bounded("a\nb\nc", lines=2) == "a\nb\n... 2 more characters"
    assert bounded("a\nb\n", lines=2) == "a\nb"
