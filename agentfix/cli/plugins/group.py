"""`agentfix plugins`, alone or with `list`, `info`, `new`, `check`, `enable`, `disable`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from agentfix.cli.plugins.check import check
from agentfix.cli.plugins.info import info
from agentfix.cli.plugins.new import new
from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.plugins.switch import disable, enable
from agentfix.cli.plugins.table import show_table
from agentfix.plugins import PluginInfo, Plugins
from agentfix.settings import Settings, load_settings


@click.group(invoke_without_command=True)
@plugin_option
@click.pass_context
def plugins(context: click.Context, named: tuple[str, ...]) -> None:
    """List plugins and what they bring; make, check and switch them.

    Plugins are installed packages (entry-point group `agentfix`), files and packages in the folder `plugins` beside
    agentfix.toml, and what --plugin or the setting `plugins` names. Without agentfix.toml no folder is looked at: code
    does not run because of where one stands.
    """
    if context.invoked_subcommand is None:
        _list(with_plugins(load_settings(), named))
    elif named:
        raise click.UsageError("--plugin belongs after the command.", context)


@plugins.command("list")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(named: tuple[str, ...], as_json: bool) -> None:
    """List plugins, what they bring, and why one is not used."""
    _list(with_plugins(load_settings(), named), as_json=as_json)


def _list(settings: Settings, *, as_json: bool = False) -> None:
    infos = Plugins(settings).infos()
    if as_json:
        click.echo(json.dumps({"plugins": [asdict(each) for each in infos]}, indent=2))
        return
    show_table([(each.name, each.source, _brought(each)) for each in infos])
    known = {each.name for each in infos}
    for name in sorted({*settings.disabled_plugins, *(settings.enabled_plugins or ())} - known):
        click.echo(f"agentfix: the settings speak of a plugin {name!r}, which is not here.", err=True)


def _brought(found: PluginInfo) -> str:
    if found.problem:
        return f"NOT USED: {found.problem}"
    if found.disabled:
        return f"disabled: {found.disabled}"
    return ", ".join(f"{part} {name}" for part, name in found.parts) or "takes part in runs"


for command in (info, new, check, enable, disable):
    plugins.add_command(command)
