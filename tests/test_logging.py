"""What the library logs: for operators, by the standard library's rules, and without what was said."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from agentfix import Agent, Check, ModelError, PluginError, Settings, Task, hookimpl
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

PRIVATE = "Zanzibar"
QUESTION = f"Write a function double(x) for {PRIVATE}."
CRASH = f"```python\ndef double(x):\n    return {PRIVATE}\n```"
RIGHT = f"```python\ndef double(x):\n    return 2 * x  # {PRIVATE}\n```"
TASK = Task(QUESTION, "code", (Check(f"assert double(4) == 8, '{PRIVATE}'"),))


async def ask(*steps, task=TASK, plugin=None, **chosen):
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    extra = {"script": script_plugin(ScriptedModel(steps)), **({"nosy": plugin} if plugin else {})}
    async with Agent(settings, Plugins(settings, extra), journal=SqliteJournal(None)) as agent:
        return await agent.arun(task, run_id="r")


def told(caplog, level=logging.DEBUG):
    return [each.getMessage() for each in caplog.records
            if each.name.startswith("agentfix") and each.levelno >= level]


async def test_beginning_and_end_of_a_run_are_told_with_its_name(caplog):
    caplog.set_level(logging.INFO, "agentfix")
    await ask(CRASH, RIGHT)
    first, last = told(caplog)
    assert first == "run r begins: strategy critic, model scripted:"
    assert last.startswith("run r ends: by contract, attempts 2, rounds 2, tokens ")


async def test_no_text_is_logged_at_any_level(caplog):
    caplog.set_level(logging.DEBUG, "agentfix")
    await ask(CRASH, RIGHT)
    await ask(CRASH, CRASH, strategy=f"objection:{PRIVATE} is wrong")
    await ask(CRASH, ModelError(f"{PRIVATE} is down"))
    lines = told(caplog)
    assert "run r: attempt 0: revise by program" in lines or "run r: attempt 0: revise by tests" in lines
    assert "run r: tool python: error" in lines
    assert not [line for line in lines if PRIVATE in line]


async def test_what_fails_is_a_warning_that_names_the_fault_and_the_plugin(caplog):
    class Nosy:
        @hookimpl
        def agentfix_on_event(self, event):
            raise LookupError(PRIVATE)

    await ask(CRASH, ModelError(f"{PRIVATE} is down"), plugin=Nosy())
    with pytest.raises(PluginError):
        await ask(ZeroDivisionError(PRIVATE))
    hook, fault, end, other = told(caplog, logging.WARNING)
    assert hook == "plugin 'nosy': agentfix_on_event failed, and is not asked again in this run"
    assert fault == "run r: ModelError"
    assert end.startswith("run r was cut short: abstained, attempts 1, ")
    assert other == "run r: PluginError of plugin 'scripted'"


def test_the_root_logger_is_left_alone():
    """In a process of its own: neither importing nor running sets anything up, and nothing is printed."""
    program = f"""
import logging
from agentfix import Agent, Settings, Task
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
settings = Settings(model="scripted:", sandbox="embedded", kind="text", strategy="none")
plugins = Plugins(settings, {{"script": script_plugin(ScriptedModel(["84"]))}})
with Agent(settings, plugins, journal=SqliteJournal(None)) as agent:
    agent.run("{QUESTION}")
assert logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING
assert [type(handler) for handler in logging.getLogger("agentfix").handlers] == [logging.NullHandler]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
