"""The examples, each run whole; only the model is scripted."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentfix import Agent, Settings
from agentfix.models.catalog import open_catalogue
from agentfix.plugins import Plugins
from agentfix.settings import load_settings
from agentfix.testing import ScriptedModel, script_plugin

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = "smollm2-135m"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def agent_saying(tmp_path):
    """Makes an agent whose model says these things."""

    def make(*steps, plugin=None):
        settings = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path)
        model = ScriptedModel(steps)
        extra = {"script": script_plugin(model)} | ({"own": plugin} if plugin else {})
        return Agent(settings, Plugins(settings, extra)), model

    return make


def program(*lines):
    return "\n".join(["```python", *lines, "```"])


def test_every_example_is_tested_here():
    tested = {name.removeprefix("test_example_") for name in globals() if name.startswith("test_example_")}
    assert tested == {path.stem for path in EXAMPLES.glob("*.py")}


def test_example_01_embed(agent_saying, capsys):
    cost = program("cost_of_a_box = 3.60", "boxes = 7", "answer = cost_of_a_box * boxes")
    agent, _ = agent_saying(*[cost] * 30)
    with agent:
        example("01_embed").main(agent)
    answer, supported, because = capsys.readouterr().out.splitlines()
    assert answer.startswith("answer:") and "25.2" in answer
    assert supported.startswith("supported by:")
    assert because.removeprefix("because:").strip()


async def test_example_02_stream(agent_saying, capsys):
    minutes = program("start = 9 * 60 + 40", "end = 13 * 60 + 5", "answer = end - start")
    agent, _ = agent_saying(*[minutes] * 30)
    async with agent:
        await example("02_stream").main(agent)
    out = capsys.readouterr().out
    heard = ("[run_started]", "answer = end - start", "[python: ok]", "[attempt 0] answers 205", "[critique by",
             "[result] 205: ")
    assert [out.index(text) for text in heard] == sorted(out.index(text) for text in heard)


def test_example_03_own_tests(agent_saying, capsys):
    naive = program("def initials(name):", "    return name[0] + name.split(' ')[1][0]")
    right = program("def initials(name):", "    return ''.join(part[0].upper() for part in name.split())")
    agent, model = agent_saying(naive, right)
    with agent:
        example("03_own_tests").main(agent)
    first, second, *answer = capsys.readouterr().out.splitlines()
    assert first.startswith("attempt 0 is refuted")
    assert second.startswith("attempt 1 is supported")
    assert "part[0].upper()" in "\n".join(answer)
    model.assert_done()


def test_example_04_own_critic(agent_saying, capsys):
    module = example("04_own_critic")
    agent, model = agent_saying("Some snakes like sunny stones.", "Some snakes seek sunny stones.",
                                plugin=module.Plugin())
    with agent:
        module.main(agent)
    assert capsys.readouterr().out.splitlines() == [
        "attempt 0: revise. these do not begin with s: ['like']",
        "attempt 1: accept. all 5 words begin with s",
        "Some snakes seek sunny stones.",
    ]
    model.assert_done()


def test_example_05_own_tool(agent_saying, capsys):
    module = example("05_own_tool")
    counting = {"plan": [{"do": "count the words", "tool": "word_count"}],
                "calls": [{"tool": "word_count", "arguments": {"text": "We left the harbour at dawn"}}]}
    agent, _ = agent_saying(json.dumps(counting), *[json.dumps({"thought": "", "answer": "It has 6 words."})] * 30,
                            plugin=module)
    with agent:
        module.main(agent)
    first, *_, answer = capsys.readouterr().out.splitlines()
    assert first == "word_count{'text': 'We left the harbour at dawn'} says 6"
    assert answer == "It has 6 words."


@pytest.mark.filterwarnings("default")  # the trainers warn of each other's settings
async def test_example_06_train_on_proofs(agent_saying, capsys, tmp_path):
    for package in ("trl", "torch"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install trl torch")
    naive = program("def initials(name):", "    return name[0] + name.split(' ')[1][0]")
    right = program("def initials(name):", "    return ''.join(part[0].upper() for part in name.split())")
    median = program("def middle(values):", "    ordered, half = sorted(values), len(values) // 2",
                     "    return (ordered[half] + ordered[-half - 1]) / 2")
    agent, model = agent_saying(naive, right, median)
    async with agent:
        await example("06_train_on_proofs").main(agent, tmp_path)
    model.assert_done()
    said = capsys.readouterr().out
    assert "sft: 2 row(s)" in said and "dpo: 1 row(s)" in said
    assert [line.split(":")[0] for line in said.splitlines() if "at first" in line] == ["sft", "dpo"]


@pytest.mark.filterwarnings("default")  # Inspect's own
def test_example_07_inspect(agent_saying, capsys, tmp_path, monkeypatch):
    pytest.importorskip("inspect_ai", reason="inspect-ai is not installed: pip install 'agentfix[inspect]'")
    monkeypatch.chdir(tmp_path)  # where Inspect leaves its logs

    def say(request):
        answer = "8 * 0.35 + 3 * 2.40" if "bakery" in request.messages[-1].content else "540 / 12"
        return program(f"answer = {answer}") if "program" in str(request) else f"The answer is {eval(answer)}."

    agent, _ = agent_saying(*[say] * 30)
    with agent:
        example("07_inspect").main(agent)
    gc.collect()  # what Inspect leaves unclosed warns here, and not within another test
    bread, tank, accuracy = capsys.readouterr().out.splitlines()
    assert bread.startswith("10 (target 10): agreement") and tank.startswith("45 (target 45): agreement")
    assert accuracy == "accuracy: 1.0"


def test_an_example_is_a_plugin_too():
    plugins = Plugins(Settings(plugins=(str(EXAMPLES / "05_own_tool.py"),)), installed=False)
    assert plugins.build("tool", "word_count").spec.description == "Count the words of a text."


@pytest.mark.local_model
def test_an_example_runs_as_a_script_with_a_real_model():
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                        exc_type=ImportError)
    if open_catalogue(load_settings()).locate(SMALL) is None:
        pytest.skip(f"the model is not on disk; fetch it with: agentfix models pull {SMALL}")
    environment = {**os.environ, "AGENTFIX_MODEL": f"llamacpp:{SMALL}", "AGENTFIX_SANDBOX": "embedded",
                   "AGENTFIX_MAX_ROUNDS": "1", "AGENTFIX_MAX_TOKENS": "900"}
    done = subprocess.run([sys.executable, EXAMPLES / "01_embed.py"], env=environment, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["answer", "supported by", "because"]
