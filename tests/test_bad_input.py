"""What people get wrong: each is one clear line on standard error, the right exit status, and no traceback."""

from __future__ import annotations

import json

import pytest

from agentfix import Agent, InputError, Plugins, load_settings
from agentfix.cli.main import main
from agentfix.cli.visible import visible
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


@pytest.mark.parametrize(("toml", "words"), [
    ("a = " + "[" * 5000, "agentfix.toml"), ("seed = " + "9" * 5000, "agentfix.toml"),
    ('data_dir = "a\\u0000b"', "NUL"), ('data_dir = "~nosuchuser/b"', "'data_dir'"),
    ("tool_timeout_s = inf", "'tool_timeout_s'"), ("tool_timeout_s = nan", "'tool_timeout_s'"),
])
def test_a_hostile_settings_file_is_misuse(toml, words, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("AGENTFIX_DATA_DIR")
    (tmp_path / "agentfix.toml").write_text(toml, encoding="utf-8")
    assert main(["models", "list"]) == 2
    assert words in said(capfd)


def test_data_dir_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AGENTFIX_DATA_DIR", "~/kept")
    assert load_settings().models_dir == tmp_path / "kept" / "models"


def test_a_working_directory_that_was_deleted_is_no_matter(tmp_path, monkeypatch, capfd):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["models", "list"]) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("arguments", [
    ("run", QUESTION, "--model", "~nosuchuser/x.gguf"), ("models", "path", "~nosuchuser/x.gguf"),
])
def test_the_home_folder_of_nobody_is_misuse(arguments, capfd):
    assert main(arguments) == 2
    assert "~nosuchuser/x.gguf" in said(capfd)


@pytest.mark.parametrize("limit", [
    ("--timeout", "nan"), ("--timeout", "inf"), ("--timeout", "1e300"), ("--memory", "99999999999999999999"),
])
def test_a_limit_without_bounds_is_misuse(limit, tmp_path, capfd):
    (tmp_path / "p.py").write_text("answer = 1", encoding="utf-8")
    assert main(["sandbox", "exec", "--sandbox", "embedded", *limit, "p.py"]) == 2
    assert "timeout" in said(capfd) or limit[0] == "--memory"


def test_an_address_that_is_none_is_one_line(monkeypatch, capfd):
    monkeypatch.setenv("AGENTFIX_HUGGING_FACE_URL", "http://a..b")
    assert main(["models", "pull", "someone/model:file.gguf"]) == 1
    assert "http://a..b" in capfd.readouterr().err


@pytest.mark.parametrize("stray", ["my models/r/x.gguf", ".cache/hf/x.gguf", "~nosuchuser/r/x.gguf"])
def test_stray_files_among_the_models_are_passed_over(stray, tmp_path, capfd):
    for name in (stray, "owner/repository/file.gguf"):
        file = tmp_path / "data" / "models" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"GGUF")
    assert main(["models", "list"]) == 0
    listed = capfd.readouterr().out
    assert "owner/repository:file.gguf" in listed and stray not in listed


@pytest.mark.parametrize("mark", ["\u061c", "\u2028", "\u2029"])
def test_marks_that_break_or_turn_lines_are_made_visible(mark):
    assert visible(f"a{mark}b") == f"a\\u{ord(mark):04x}b"


@pytest.mark.parametrize("name", ["a\x1b[31m", "two\nlines", "\u202egpj", "\ud800", "x" * 201])
async def test_a_run_can_not_be_named_so_that_it_can_not_be_shown(name, tmp_path):
    settings = load_settings({"model": "scripted:", "sandbox": "embedded"})
    async with Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel([]))})) as agent:
        with pytest.raises(InputError, match="can't name a run"):
            await agent.arun(QUESTION, run_id=name)
