"""Commands that plugins bring."""

from __future__ import annotations

from collections.abc import Iterable

import click

from agentfix.cli.visible import one_line
from agentfix.errors import PluginError, UnknownNameError
from agentfix.plugins import Plugins


def plugin_command(name: str, plugins: Plugins, built_in: Iterable[str]) -> click.Command:
    """The command of that name that a plugin brings.

    Args:
        name: what the user typed.
        plugins: where it may come from.
        built_in: agentfix's own commands, which may have been meant.

    Raises:
        UnknownNameError: no plugin brings it. The plugins that are not used are told on standard error.
        PluginError: what the plugin brings is no command.
    """
    brought = {entry.name for entry in plugins.names("command")}
    if name not in brought:
        for info in plugins.problems():
            click.echo(f"agentfix: {one_line(info.problem)}", err=True)
        raise UnknownNameError("command", name, {*built_in, *brought})
    command = plugins.build("command", name)
    if not isinstance(command, click.Command):
        raise PluginError(plugins.find("command", name).plugin,
                          f"command {name!r} is {type(command).__name__} and no click command.")
    return command
