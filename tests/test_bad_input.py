"""What people get wrong: each is one clear line on standard error, the right exit status, and no traceback."""

from __future__ import annotations

import json

import pytest

from agentfix import Agent, Plugins
from agentfix.cli.main import main
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "How many legs have 3 dogs?"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "data"))


def run(*arguments, model=None):
    model = model or ScriptedModel([])
    return main(["run", *arguments], make_agent=lambda settings: Agent(
        settings, Plugins(settings, {"script": script_plugin(model)})))


def said(capfd):
    err = capfd.readouterr().err
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("agentfix: ")
    return lines[0]


@pytest.mark.parametrize(("arguments", "words"), [
    (("--model", "llamacpp:qwen2.5-coder-1.5"), ("qwen2.5-coder-1.5b", "Did you mean")),
    (("--model", "lamacpp:qwen2.5-coder-1.5b"), ("llamacpp", "Did you mean")),
    (("--strategy", "citric"), ("critic", "Did you mean")),
    (("--strategy", "self-consistency:abc"), ("'abc'", "self-consistency:5")),
    (("--strategy", "best-of-n:100000"), ("1 to 64",)),
    (("--kind", "maths"), ("'math'",)),
    (("--sandbox", "dokcer"), ("'docker'",)),
    (("--max-rounds", "-1"), ("max_rounds",)),
    (("--tests", "none.py"), ("none.py",)),
])
def test_a_wrong_name_or_value_is_misuse(arguments, words, capfd):
    assert run(QUESTION, "--sandbox", "embedded", *(() if "--model" in arguments else ("--model", "scripted:")),
               *arguments) == 2
    line = said(capfd)
    assert all(word in line for word in words)


@pytest.mark.parametrize(("toml", "words"), [
    ("model = ", ("agentfix.toml",)),
    ("modle = 'x'", ("'modle'", "'model'", "agentfix.toml")),
    ("max_rounds = 'many'", ("'max_rounds'", "agentfix.toml")),
    ("context_tokens = 3", ("'context_tokens'", "agentfix.toml")),
])
def test_a_wrong_settings_file_is_misuse_and_named(toml, words, tmp_path, capfd):
    (tmp_path / "agentfix.toml").write_text(toml, encoding="utf-8")
    assert run(QUESTION, "--model", "scripted:") == 2
    line = said(capfd)
    assert all(word in line for word in words)


def test_docker_demanded_but_absent_fails_before_the_model_is_asked(monkeypatch, capfd):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    model = ScriptedModel([])
    assert run(QUESTION, "--model", "scripted:", "--sandbox", "docker", model=model) == 1
    assert "Docker" in said(capfd)
    assert model.requests == []


def test_a_question_of_a_megabyte_reaches_the_model_whole(tmp_path, capfd):
    question = tmp_path / "question.txt"
    question.write_text(QUESTION + " really" * 150_000, encoding="utf-8")
    model = ScriptedModel(["```python\nanswer = 12\n```", "The answer is 12."])
    assert run("--file", str(question), "--model", "scripted:", "--sandbox", "embedded", "--kind", "math", "--json",
               model=model) == 0
    assert json.loads(capfd.readouterr().out)["answer"] == "12"
    assert len(model.requests[0].messages[-1].content) > 1_000_000


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "file" / "below"))
    assert run(QUESTION, "--model", "scripted:", "--sandbox", "embedded") == 1
    assert "journal" in said(capfd)
