"""A data folder with runs of a scripted model, and what is exported of them."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentfix import Agent, Check, Settings, Task
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

DOUBLE = Task("Write a function `double(x)`.", kind="code", checks=(Check("assert double(5) == 10"),))


def block(program):
    return f"```python\n{program}\n```"


WRONG = block("def double(x):\n    return x + 2")
OTHER = block("def double(x):\n    return x ** 2")
RIGHT = block("def double(x):\n    return x * 2")
TWICE = block("def double(x):\n    return x + x")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Runs a task with a model that says these things, in one data folder; gives the result."""
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))

    def run(*script, task=DOUBLE, plugin=None, run_id=None, **settings):
        return asyncio.run(ran(script, task, plugin, run_id, settings))

    async def ran(script, task, plugin, run_id, settings):
        extra = {"script": script_plugin(ScriptedModel(script))} | ({"own": plugin} if plugin else {})
        chosen = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path, **settings)
        async with Agent(chosen, Plugins(chosen, extra)) as agent:
            return await agent.arun(task, run_id=run_id)

    return run


@pytest.fixture
def exported(tmp_path, capfd):
    """Exports what the data folder holds; gives the rows, and what was said of it."""

    def export(*arguments):
        file = tmp_path / "rows.jsonl"
        status = main(["export", *arguments, "--output", str(file)])
        said = capfd.readouterr()
        assert (status, said.err) in ((0, ""), (1, ""))
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert (status == 0) == bool(rows)
        return rows, said.out

    return export
