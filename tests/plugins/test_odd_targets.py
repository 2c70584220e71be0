"""Odd targets, and plugins that say odd things of themselves: one line says what is wrong, and nothing breaks."""

from __future__ import annotations

import sys
import zipfile

import pytest

from agentfix import ConfigError, Plugins, Settings
from agentfix.testing.checks.supervising import check_target

HOOK = "from agentfix import hookimpl\n@hookimpl\ndef agentfix_register_tools(register):\n    "


def using(*targets, **settings):
    return Plugins(Settings(plugins=tuple(map(str, targets)), **settings), installed=False)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("target, said", [
    ("", "A plugin's name is empty. Name a file"),
    ("a" * 5000, "no module has that name"),
    (f"./{'a' * 5000}", "nothing is there"),
    ("~no-such-user-here/x.py", "nothing is there"),
    ("./round.py", "nothing is there"),
    ("./packed.whl", "'./packed.whl' can't be used as a plugin: it is no Python file. Install it, with pip install."),
    ("./notes.txt", "it is no Python file. Its name must end in .py."),
    ("notes.txt", "Did you mean ./notes.txt?"),
])
def test_a_target_that_can_t_be_a_plugin_is_misuse(target, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "round.py").symlink_to("round.py")
    write(tmp_path / "notes.txt", "")
    with zipfile.ZipFile(tmp_path / "packed.whl", "w") as archive:
        archive.writestr("packed/__init__.py", "")
    with pytest.raises(ConfigError) as raised:
        using(target)
    assert said in str(raised.value)


def test_a_link_that_leads_nowhere_spoils_no_folder(tmp_path):
    (tmp_path / "round.py").symlink_to("round.py")
    write(tmp_path / "fine.py", HOOK + "register('fine', lambda build: None)")
    plugins = using(tmp_path)
    assert [info.name for info in plugins.problems()] == ["round"]
    assert [entry.name for entry in plugins.names("tool")] == ["fine"]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: write(path, "")])
def test_a_folder_of_plugins_that_is_none_is_told(make, tmp_path):
    make(tmp_path / "mine")
    with pytest.raises(ConfigError, match=r"The folder of plugins .*mine can't be read: N"):
        using(plugins_dir=tmp_path / "mine")


def test_an_entry_point_that_names_no_module_is_told(tmp_path):
    write(tmp_path / "pyproject.toml", '[project.entry-points.agentfix]\nodd = "!!"\n')
    [info] = using(tmp_path).problems()
    assert info.problem == "Plugin 'odd': can't be imported: ImportError(\"'!!' is no MODULE or MODULE:OBJECT\")."


def test_a_module_that_is_a_plugin_already_is_told_in_a_line():
    plugins = Plugins(Settings(plugins=("agentfix_plugins.calculator",)))
    [info] = plugins.problems()
    assert "agentfix_plugins.calculator is plugin 'calculator' already" in info.problem
    assert len(info.problem) < 200


@pytest.mark.parametrize("name", ["3", "None", "''", "'two\\nlines'", "[]", "' '"])
def test_a_name_that_is_none_is_refused(name, tmp_path):
    [info] = using(write(tmp_path / "odd.py", HOOK + f"register({name}, lambda build: None)")).problems()
    assert "agentfix_register_tools registers the name" in info.problem


def test_what_is_no_text_is_told_as_text(tmp_path):
    plugins = using(write(tmp_path / "odd.py", "__doc__ = 7\n" + HOOK + "register('seven', lambda build: None, 7)"))
    assert (plugins.infos()[0].about, plugins.find("tool", "seven").description) == ("7", "7")


def test_a_check_takes_no_module_from_where_one_stands(tmp_path, monkeypatch):
    write(tmp_path / "json.py", "raise ImportError('not the real one')")
    write(tmp_path / "odd.py", "def (")
    monkeypatch.chdir(tmp_path)
    [line] = check_target("./odd.py", timeout_s=4.0)
    assert (line.check, line.status) == ("it can be imported", "failed")
    assert "odd.py line 1: SyntaxError" in line.detail


def test_a_check_that_can_t_be_started_ends(tmp_path, monkeypatch):
    write(tmp_path / "odd.py", "")
    write(tmp_path / "jsonschema.py", "raise ImportError('not the real one')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name == "jsonschema"]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    [line] = check_target(str(tmp_path / "odd.py"), timeout_s=4.0)
    assert (line.check, line.status) == ("its checks can be started", "failed")
    assert "not the real one" in line.detail


def test_what_has_no_hooks_is_named_with_what_to_do(tmp_path):
    (tmp_path / "empty.py").touch()
    [module] = Plugins(Settings(plugins=("json",)), installed=False).problems()
    assert module.problem.startswith("Plugin 'json': it has no hooks, so it would do nothing. Write functions such as")
    [file] = Plugins(Settings(plugins_dir=tmp_path), installed=False).problems()
    assert "or begin its name with _ if other plugins import it" in file.problem
