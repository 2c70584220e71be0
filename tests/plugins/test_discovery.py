"""Where plugins are found, which of them are used, and what is said of those that are not."""

from __future__ import annotations

import re
import sys

import pytest

from agentfix import API_VERSION, ConfigError, PluginError, Plugins, Settings, hookimpl, load_settings

TOOL = '''
from agentfix import hookimpl, tool

@tool
def {name}(text: str) -> int:
    """Count words."""
    return len(text.split())

@hookimpl
def agentfix_register_tools(register):
    register({name})
'''


def plugin(path, name="word_count", text=TOOL):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(name=name) if text is TOOL else text, encoding="utf-8")
    return str(path)


def info(plugins, name):
    return next(each for each in plugins.infos() if each.name == name)


def tools(plugins):
    return [entry.name for entry in plugins.names("tool")]


def using(*targets, **settings):
    return Plugins(Settings(plugins=targets, **settings), installed=False)


# --- a file, a folder, a module ---------------------------------------------------------------------------------------


def test_a_file_is_a_plugin_named_after_it(tmp_path):
    plugins = using(plugin(tmp_path / "counting.py"))
    assert info(plugins, "counting").parts == (("tool", "word_count"),)
    assert plugins.build("tool", "word_count").spec.description == "Count words."


def test_a_file_takes_no_module_s_place_and_its_folder_is_not_imported_from(tmp_path):
    before = list(sys.path)
    plugins = using(plugin(tmp_path / "json.py"))
    assert tools(plugins) == ["word_count"]
    import json

    assert json.dumps([1]) == "[1]"
    assert sys.path == before


def test_the_files_of_a_package_import_one_another(tmp_path):
    plugin(tmp_path / "pack" / "inner.py", "inner_tool")
    plugin(tmp_path / "pack" / "__init__.py", text="from .inner import agentfix_register_tools")
    assert info(using(str(tmp_path / "pack")), "pack").parts == (("tool", "inner_tool"),)


def test_a_changed_file_is_read_anew(tmp_path):
    file = tmp_path / "pack" / "inner.py"
    plugin(file, "before")
    plugin(tmp_path / "pack" / "__init__.py", text="from .inner import agentfix_register_tools")
    assert tools(using(str(tmp_path / "pack"))) == ["before"]
    plugin(file, "afterwards")
    assert tools(using(str(tmp_path / "pack"))) == ["afterwards"]


def test_a_folder_of_files_holds_a_plugin_in_each(tmp_path):
    plugin(tmp_path / "one.py", "first")
    plugin(tmp_path / "two.py", "second")
    plugin(tmp_path / "_shared.py", "third")
    assert tools(using(str(tmp_path))) == ["first", "second"]


def test_a_project_is_used_from_its_source(tmp_path):
    plugin(tmp_path / "src" / "agentfix_from_source" / "__init__.py", "from_source")
    (tmp_path / "pyproject.toml").write_text('[project.entry-points.agentfix]\nsourced = "agentfix_from_source"\n')
    before = list(sys.path)
    try:
        assert info(using(str(tmp_path)), "sourced").parts == (("tool", "from_source"),)
    finally:
        sys.path[:] = before
        sys.modules.pop("agentfix_from_source", None)


def test_a_module_is_named_by_its_name(tmp_path, monkeypatch):
    plugin(tmp_path / "some_plugin_module.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert tools(using("some_plugin_module")) == ["word_count"]
    monkeypatch.delitem(sys.modules, "some_plugin_module")


@pytest.mark.parametrize("target", ["./nothing.py", "nothing_like_it"])
def test_naming_a_plugin_that_is_not_there_is_misuse(target):
    with pytest.raises(ConfigError, match=r"There is no plugin '.*nothing"):
        using(target)


def test_a_folder_that_is_named_like_a_module_is_suggested(tmp_path, monkeypatch):
    plugin(tmp_path / "demo_folder" / "__init__.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"Did you mean \./demo_folder\?"):
        using("demo_folder")


def test_what_is_named_twice_is_one_plugin(tmp_path, monkeypatch):
    target = plugin(tmp_path / "counting.py")
    monkeypatch.chdir(tmp_path)
    assert [each.problem for each in using(target, "./counting.py", plugins_dir=tmp_path).infos()] == [""]


# --- the project's folder ---------------------------------------------------------------------------------------------


def test_the_folder_beside_agentfix_toml_is_used(tmp_path):
    plugin(tmp_path / "plugins" / "counting.py")
    (tmp_path / "agentfix.toml").write_text("")
    assert tools(Plugins(load_settings(directory=tmp_path, environment={}), installed=False)) == ["word_count"]


def test_without_agentfix_toml_nothing_is_run_that_lies_about(tmp_path):
    plugin(tmp_path / "plugins" / "counting.py")
    assert load_settings(directory=tmp_path, environment={}).plugins_dir is None


def test_paths_in_agentfix_toml_begin_where_it_is(tmp_path):
    plugin(tmp_path / "mine" / "counting.py")
    (tmp_path / "agentfix.toml").write_text('plugins = ["mine/counting.py"]')
    environment = {"AGENTFIX_CONFIG": str(tmp_path / "agentfix.toml")}
    assert tools(Plugins(load_settings(environment=environment), installed=False)) == ["word_count"]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_disabled_plugin_is_not_even_loaded(tmp_path):
    target = plugin(tmp_path / "counting.py", text="raise SystemExit")
    plugins = using(target, disabled_plugins=("counting",))
    assert info(plugins, "counting").disabled == "disabled_plugins names it"
    assert (plugins.problems(), tools(plugins)) == ((), [])


def test_an_allow_list_leaves_agentfix_s_own_and_what_is_named(tmp_path):
    plugin(tmp_path / "plugins" / "unlisted.py", "unlisted")
    plugin(tmp_path / "plugins" / "listed.py", "listed")
    target = plugin(tmp_path / "named.py", "named")
    plugins = Plugins(Settings(plugins=(target,), plugins_dir=tmp_path / "plugins", enabled_plugins=("listed",)))
    assert {"python", "listed", "named"} <= {*tools(plugins)}
    assert info(plugins, "unlisted").disabled == "enabled_plugins does not name it"


# --- broken ones ------------------------------------------------------------------------------------------------------

HOOK = "from agentfix import hookimpl\n@hookimpl\n"
BROKEN = {
    "no Python": ("def (", r"can't be imported: bad\.py line 1: SyntaxError"),
    "no such import": ("\nimport nothing_like_it", r"can't be imported: ModuleNotFoundError.* at bad\.py line 2\."),
    "leaves": ("import sys\nsys.exit(3)", r"can't be imported: SystemExit\(3\) at bad\.py line 2\."),
    "a wrong declaration": ("from agentfix import tool\n@tool\ndef f(x): 'Do it.'", r"argument 'x' has no type"),
    "misspelt": (HOOK + "def agentfix_register_tool(register): pass", r"Did you mean 'agentfix_register_tools'\?"),
    "misspelt, without a prefix": (HOOK + "def register_tools(register): pass", r"'register_tools'.* not a hook"),
    "not marked": ("def agentfix_register_tools(register): pass", r"Decorate it with @agentfix\.hookimpl"),
    "wrong argument": (HOOK + "def agentfix_on_event(evt): pass",
                       r"takes 'evt'\. Write: def agentfix_on_event\(event\)"),
    "no argument": (HOOK + "def agentfix_register_tools(): pass", r"takes no 'register'"),
    "raises": (HOOK + "def agentfix_register_tools(register):\n    1 / 0",
               r"agentfix_register_tools failed: ZeroDivisionError.* at bad\.py line 4\."),
    "leaves in a hook": (HOOK + "def agentfix_register_tools(register): raise SystemExit", r"failed: SystemExit"),
    "no factory": (HOOK + "def agentfix_register_tools(register): register('x')", r"'x' is registered without a fac"),
    "another API": (f"agentfix_api = {API_VERSION + 1}", r"written for version 2 of the plugin API.*Install a newer"),
    "no API": ("agentfix_api = 'new'", r"Write agentfix_api = 1\."),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_named_and_the_rest_works(text, expected, tmp_path):
    plugins = using(plugin(tmp_path / "bad.py", text=text), plugin(tmp_path / "fine.py"))
    assert tools(plugins) == ["word_count"]
    [problem] = plugins.problems()
    assert problem.problem.startswith("Plugin 'bad': ")
    assert "\n" not in problem.problem
    assert re.search(expected, problem.problem)


def test_a_class_that_was_registered_for_a_factory_is_an_error_that_says_what_to_write(tmp_path):
    text = HOOK + "def agentfix_register_critics(register): register('x', type('X', (), {}), '')"
    with pytest.raises(PluginError, match=r"making critic 'x' failed: TypeError.*register for example lambda build:"):
        using(plugin(tmp_path / "bad.py", text=text)).build("critic", "x")


def test_a_factory_that_leaves_is_named(tmp_path):
    text = HOOK + "def agentfix_register_tools(register): register('x', lambda build: exit(3))"
    with pytest.raises(PluginError, match=r"Plugin 'bad': making tool 'x' failed: SystemExit\(3\)"):
        using(plugin(tmp_path / "bad.py", text=text)).build("tool", "x")


def test_of_two_plugins_of_one_name_the_second_is_refused_and_both_are_named(tmp_path):
    first, second = plugin(tmp_path / "a" / "counting.py", "first"), plugin(tmp_path / "b" / "counting.py", "second")
    plugins = using(first, second)
    assert tools(plugins) == ["first"]
    assert first in plugins.problems()[0].problem and second in plugins.problems()[0].problem


def test_of_two_tools_of_one_name_the_second_s_plugin_is_refused_and_both_are_named(tmp_path):
    plugins = using(plugin(tmp_path / "one.py"), plugin(tmp_path / "two.py"))
    assert "Plugin 'two': tool 'word_count' is registered by plugin 'one'" in plugins.problems()[0].problem


def test_a_stranger_can_t_take_the_name_of_a_first_party_tool(tmp_path):
    plugins = Plugins(Settings(plugins=(plugin(tmp_path / "aaa.py", "python"),)))
    assert plugins.find("tool", "python").plugin == "python"
    assert info(plugins, "aaa").problem


async def test_registration_may_be_async_inside_a_running_loop():
    class Plugin:
        @hookimpl
        async def agentfix_register_tools(self, register):
            import asyncio

            await asyncio.sleep(0)
            register("late", lambda build: None)

    assert tools(Plugins(Settings(), {"late": Plugin()}, installed=False)) == ["late"]
