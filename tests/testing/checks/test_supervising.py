"""A plugin that hangs or ends the process is named, and the rest is checked all the same."""

from __future__ import annotations

import pytest

from agentfix import ConfigError
from agentfix.testing.checks.supervising import check_target

PLUGIN = '''
import os, time
from agentfix import hookimpl, tool

@tool
def good(text: str) -> str:
    """Say the same."""
    return text

@tool
def bad(text: str) -> str:
    """Do what is wrong."""
    {does}

@hookimpl
def agentfix_register_tools(register):
    register(bad)
    register(good)
'''
SPIN = "import re; return str(re.match('(a+)+$', 'a' * 99 + 'b'))"
"""Python's regular expressions hold everything up: no other thread runs meanwhile."""


def checked(tmp_path, text, timeout_s=5.0):
    (tmp_path / "plugin.py").write_text(text)
    return list(check_target(str(tmp_path / "plugin.py"), timeout_s=timeout_s))


def failed(lines):
    return [(line.subject, line.detail) for line in lines if line.status == "failed"]


@pytest.mark.parametrize(("does", "said"), [
    (SPIN, "it hangs at plugin.py line 13"), ("os._exit(7)", "it ended the process, with status 7"),
    ("import ctypes; ctypes.string_at(0)", "it ended the process, with status -11")], ids=["spins", "exits", "crashes"])
def test_a_tool_that_takes_the_process_with_it_is_named_and_the_others_are_checked(tmp_path, does, said):
    lines = checked(tmp_path, PLUGIN.format(does=does), timeout_s=1.0)
    [(subject, detail)] = failed(lines)
    assert subject == "tool bad" and said in detail
    assert {line.status for line in lines if line.subject == "tool good"} == {"ok", "skipped"}
    assert any("it hung, or ended its process" in line.detail for line in lines if line.subject == "tool bad")
    assert len({(line.subject, line.check) for line in lines}) == len(lines)


def test_an_import_that_hangs_is_named(tmp_path):
    lines = checked(tmp_path, "import time\n\ntime.sleep(1000)", timeout_s=0.5)
    assert failed(lines) == [("plugin", "it hangs at plugin.py line 3: it had not ended after 4 s")]


def test_a_hook_that_hangs_is_named(tmp_path):
    lines = checked(tmp_path, "from agentfix import hookimpl\n\n@hookimpl\ndef agentfix_register_tools(register):\n"
                              "    while True: pass\n", timeout_s=1.0)
    assert [subject for subject, _ in failed(lines)] == ["plugin"]
    assert "plugin.py line 5" in failed(lines)[0][1]


@pytest.mark.parametrize(("text", "said"), [
    ("print('hello')", "importing it prints 'hello'"), ("raise SystemExit(3)", "SystemExit(3)"),
    ("def (", "SyntaxError")])
def test_an_import_that_does_otherwise_is_named(tmp_path, text, said):
    [(subject, detail)] = failed(checked(tmp_path, text))
    assert subject == "plugin" and said in detail


def test_every_plugin_of_a_folder_is_checked(tmp_path):
    (tmp_path / "one.py").write_text(PLUGIN.format(does="return 'fine'"))
    (tmp_path / "two.py").write_text("def (")
    lines = list(check_target(str(tmp_path)))
    assert {line.subject for line in lines} == {"one", "two", "tool good", "tool bad"}
    assert [line.subject for line in lines if line.status == "failed"] == ["two"]


def test_what_is_not_there_can_t_be_checked():
    with pytest.raises(ConfigError, match="There is no plugin"):
        list(check_target("./nothing.py"))
