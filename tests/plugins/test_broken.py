"""Fourteen broken plugins: `agentfix plugins check` names what is wrong, and so does a run, which goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentfix import Agent, Plugins, Settings, hookimpl, tool
from agentfix.testing import ScriptedModel, script_plugin
from agentfix.testing.checks.supervising import check_target

BROKEN = Path(__file__).parent / "broken"
CHECKED = {
    "wrong_signature": ("its hooks are known and written right",
                        "agentfix_register_tools takes 'registry'. Write: def agentfix_register_tools(register)."),
    "misspelt_hook": ("its hooks are known and written right",
                      "'agentfix_register_tool', which is not a hook. Did you mean 'agentfix_register_tools'?"),
    "import_error": ("it can be imported", "No module named 'no_such_package_anywhere'\") at import_error.py line 3"),
    "hangs": ("it ends in time", "it hangs at hangs.py line 11"),
    "hangs_at_import": ("it can be imported", "it hangs at hangs_at_import.py line 7"),
    "hangs_in_registration": ("it registers its parts", "it hangs at hangs_in_registration.py line 17"),
    "lies": ("it does nothing that it did not declare",
             "agentfix-broken-plugin.log', which it did not declare (paths)"),
    "huge_output": ("its results are bounded", "characters and"),
    "not_serialisable": ("its errors are of the right kind", "which JSON can't say"),
    "raises_in_a_hook": ("its hooks stand what happens in a run", "agentfix_on_event failed: KeyError('attempt')"),
    "bad_schema": ("its schema is valid", "its schema is no JSON schema: 'text' is not valid"),
    "name_clash": ("it registers its parts", "tool 'calculator' is registered by plugin 'calculator' already"),
    "blocks_the_event_loop": ("it does not hold the event loop", "s at blocks_the_event_loop.py line 11"),
    "prints_to_stdout": ("it prints nothing", "it printed 'counting two words'"),
}
RUN = {
    "wrong_signature": "Plugin 'wrong_signature': agentfix_register_tools takes 'registry'",
    "misspelt_hook": "Did you mean 'agentfix_register_tools'?",
    "import_error": "Plugin 'import_error': can't be imported: ModuleNotFoundError",
    "hangs": "",
    "hangs_at_import": "its import has not ended after 3 s: it is at hangs_at_import.py line 7",
    "hangs_in_registration": "_register_tools has not ended after 3 s: it is at hangs_in_registration.py line 17",
    "lies": "Tool 'count' was refused something: it tried to write",
    "huge_output": "Tool 'count' returned",
    "not_serialisable": "Tool 'count' is faulty: it raised TypeError",
    "raises_in_a_hook": "Plugin 'raises_in_a_hook': agentfix_on_event failed: KeyError('attempt')",
    "bad_schema": "Tool 'count' is left out: its schema is wrong",
    "name_clash": "Plugin 'name_clash': tool 'calculator' is registered by plugin 'calculator' already",
    "blocks_the_event_loop": "Tool 'count' blocked everything else for",
    "prints_to_stdout": "Tool 'count' prints to standard output",
}


def test_there_are_fourteen():
    assert {*CHECKED} == {*RUN} == {path.stem for path in BROKEN.glob("*.py")} - {"__init__"}
    assert len(CHECKED) == 14


@pytest.mark.parametrize("name", CHECKED)
def test_a_broken_plugin_is_caught_by_the_check(name):
    check, said = CHECKED[name]
    timeout_s = 1.5 if name.startswith("hangs_") else 4.0
    lines = check_target(str(BROKEN / f"{name}.py"), timeout_s=timeout_s)
    failed = [line for line in lines if line.status == "failed"]
    assert check in [line.check for line in failed]
    assert said in next(line.detail for line in failed if line.check == check)
    assert all(line.detail and "\n" not in line.detail for line in failed)


@tool
def echo(text: str) -> str:
    """Say the same."""
    return text


class Good:
    """A plugin that must go on working."""

    @hookimpl
    def agentfix_register_tools(self, register):
        register(echo)


def step(*calls: tuple[str, dict]) -> str:
    return json.dumps({"plan": [{"do": "look", "tool": name} for name, _ in calls],
                       "calls": [{"tool": name, "arguments": arguments} for name, arguments in calls]})


@pytest.mark.parametrize("name", RUN)
async def test_a_broken_plugin_is_named_by_a_run_which_goes_on(name, tmp_path, capfd):
    model = ScriptedModel([step(("count", {"text": "two words"}), ("echo", {"text": "still here"})),
                           json.dumps({"thought": "", "answer": "Done."})])
    settings = Settings(model="scripted:", kind="tools", strategy="none", sandbox="embedded", data_dir=tmp_path,
                        tool_timeout_s=0.2, plugins=(str(BROKEN / f"{name}.py"),), journal="memory",
                        plugin_timeout_s=3.0 if name.startswith("hangs_") else 60.0)
    events = []
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model), "good": Good()})) as agent:
        result = await agent.arun("Count the words of: two words", on_event=events.append)
    said = [event.data["message"] for event in events if event.kind == "notice"]
    heard = [event.data["observation"] for event in events if event.kind == "observation"]
    assert result.answer == "Done."
    assert [each.text for each in heard if each.tool == "echo"] == ["still here"]
    if name == "hangs":
        assert next(each for each in heard if each.tool == "count").status == "timeout"
    else:
        assert any(RUN[name] in line for line in said), said
    assert all(len(each.text) <= 10_000 for each in heard)
    assert "counting" not in capfd.readouterr().out
    model.assert_done()
