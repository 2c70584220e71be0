"""A plugin that hangs while it is loaded is named and left out; what it does later changes nothing."""

from __future__ import annotations

import io
import signal
import sys
import threading
from types import ModuleType

import pytest

from agentfix import PluginError, Plugins, Settings

HOOK = '''
from agentfix import hookimpl, tool

@tool
def {tool}(text: str) -> str:
    """Say the same."""
    return text

'''
LATE = HOOK.format(tool="late") + '''
from hanging_test_gate import gate, heard

@hookimpl
def agentfix_register_tools(register):
    gate.wait()
    try:
        register(late)
    except Exception as error:
        heard.put(str(error))
'''
ASYNC = HOOK.format(tool="slow") + '''
import asyncio

@hookimpl
async def agentfix_register_tools(register):
    await asyncio.Event().wait()
'''
FINE = HOOK.format(tool="fine") + '''
@hookimpl
def agentfix_register_tools(register):
    register(fine)
'''
UNREADABLE = '''
def __getattr__(name):
    raise RuntimeError("odd")
'''


MAKING = """
from agentfix import hookimpl
from hanging_test_gate import gate

@hookimpl
def agentfix_register_critics(register):
    register("slow", lambda build: gate.wait())

@hookimpl
def agentfix_register_models(register):
    register("slow", lambda build: gate.wait(1.0))
"""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def load(*targets, limit_s=60.0):
    return Plugins(Settings(plugins=targets, plugin_timeout_s=limit_s), installed=False)


def problem(plugins):
    return "; ".join(info.problem for info in plugins.problems())


@pytest.fixture
def gate(monkeypatch):
    """A module by which a plugin waits for a test, and tells it what it heard."""
    import queue

    module = ModuleType("hanging_test_gate")
    module.gate, module.heard = threading.Event(), queue.SimpleQueue()
    monkeypatch.setitem(sys.modules, "hanging_test_gate", module)
    yield module
    module.gate.set()


def test_what_a_hung_plugin_registers_later_is_refused(gate, tmp_path):
    plugins = load(write(tmp_path / "late.py", LATE), limit_s=3.0)
    assert "Plugin 'late': agentfix_register_tools has not ended after 3 s: it is at late.py" in problem(plugins)
    assert "plugin_timeout_s" in problem(plugins) and "disabled_plugins" in problem(plugins)
    gate.gate.set()
    assert "registered too late: agentfix_register_tools is over" in gate.heard.get(timeout=60)
    assert plugins.names("tool") == ()


def test_a_module_that_is_imported_late_is_not_used(gate, tmp_path):
    text = "from hanging_test_gate import gate, heard\ngate.wait()" + FINE + "heard.put('imported')\n"
    plugins = load(write(tmp_path / "late.py", text), limit_s=0.2)
    gate.gate.set()
    assert gate.heard.get(timeout=60) == "imported"
    assert plugins.names("tool") == ()
    assert plugins.implementations("agentfix_on_event") == []


def test_an_async_registration_that_hangs_is_named(tmp_path):
    assert "agentfix_register_tools has not ended" in problem(load(write(tmp_path / "slow.py", ASYNC), limit_s=3.0))


def test_a_part_that_hangs_while_it_is_made_is_named_and_a_model_may_take_long(gate, tmp_path):
    plugins = load(write(tmp_path / "hung.py", MAKING), limit_s=0.5)
    assert problem(plugins) == ""
    with pytest.raises(PluginError, match=r"Plugin 'hung': making critic 'slow' has not ended after 3 s: .* hung.py"):
        plugins.build("critic", "slow")
    assert plugins.build("model", "slow") is False


def test_the_others_go_on(gate, tmp_path):
    hung = write(tmp_path / "hung.py", "from hanging_test_gate import gate\ngate.wait()")
    plugins = load(hung, write(tmp_path / "fine.py", FINE), limit_s=3.0)
    assert [info.name for info in plugins.problems()] == ["hung"]
    assert [entry.name for entry in plugins.names("tool")] == ["fine"]


def test_ctrl_c_ends_the_wait(gate, tmp_path):
    text = "import signal\nfrom hanging_test_gate import gate\nsignal.raise_signal(signal.SIGINT)\ngate.wait()"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        load(write(tmp_path / "hung.py", text))


@pytest.mark.parametrize("text, said", [
    ("raise KeyboardInterrupt", "it raised KeyboardInterrupt()"),
    ("import sys; sys.exit(3)", "SystemExit(3)"),
    ("class Odd(BaseException): pass\nraise Odd('no')", "Odd('no')"),
    ("key = input('Key: ')", "EOFError"),
    ("from json import loads\nloads('{')", "at odd.py line 2"),
])
def test_a_plugin_that_wants_to_end_or_ask_is_named(text, said, tmp_path):
    plugins = load(write(tmp_path / "odd.py", text), write(tmp_path / "fine.py", FINE))
    assert "can't be imported" in problem(plugins) and said in problem(plugins)
    assert [entry.name for entry in plugins.names("tool")] == ["fine"]


def test_standard_streams_stay_the_application_s(tmp_path, capsys):
    text = "import io, sys\nprint('loaded')\nsys.stdout = sys.stderr = sys.stdin = io.StringIO()\n" + FINE
    before = sys.stdin, sys.stdout, sys.stderr
    assert problem(load(write(tmp_path / "fine.py", text))) == ""
    assert (sys.stdin, sys.stdout, sys.stderr) == before
    assert not isinstance(sys.stdin, io.StringIO) or before[0] is sys.stdin
    assert capsys.readouterr() == ("", "loaded\n")


def test_an_attribute_that_can_t_be_read_is_the_plugin_s_fault(tmp_path):
    assert "Plugin 'odd': its attributes can't be read: RuntimeError('odd') at odd.py line 3" in problem(
        load(write(tmp_path / "odd.py", UNREADABLE)))
