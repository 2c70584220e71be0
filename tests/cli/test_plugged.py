"""Commands that plugins bring."""

from __future__ import annotations

import click
import pytest

from agentfix import Build, PluginError, Register, UnknownNameError, hookimpl, load_settings
from agentfix.cli.plugged import plugin_command
from agentfix.plugins import Plugins


class Greeter:
    """A plugin that brings a command."""

    def __init__(self, made: object) -> None:
        self._made = made

    @hookimpl
    def agentfix_register_commands(self, register: Register) -> None:
        register("greet", self._make, "Say hello.")

    def _make(self, build: Build) -> object:
        return self._made


def plugins(made: object) -> Plugins:
    return Plugins(load_settings(), extra={"greeter": Greeter(made)}, installed=False)


def test_a_plugin_brings_a_command():
    command = click.Command("greet")
    assert plugin_command("greet", plugins(command), ()) is command


def test_what_is_no_command_names_its_plugin():
    with pytest.raises(PluginError, match="Plugin 'greeter': command 'greet' is str and no click command"):
        plugin_command("greet", plugins("hello"), ())


def test_a_misspelt_command_may_be_a_plugins_or_agentfixs_own():
    for name, meant in (("gret", "greet"), ("rnu", "run")):
        with pytest.raises(UnknownNameError, match=f"Did you mean '{meant}'"):
            plugin_command(name, plugins(click.Command("greet")), ("run",))


def test_a_command_of_a_disabled_plugin_is_unknown(cli, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DISABLED_PLUGINS", "corpus_search")
    status, _, err = cli("corpus", "list")
    assert (status, err[:45]) == (2, "agentfix: There is no command named 'corpus'.")
