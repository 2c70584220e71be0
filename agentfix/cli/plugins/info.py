"""`agentfix plugins info`: one plugin, its parts, and what its tools may do."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError, UnknownNameError, UsageError
from agentfix.plugins import PluginInfo, Plugins
from agentfix.protocols import Tool
from agentfix.settings import load_settings, read_key
from agentfix.types import ToolSpec


@click.command()
@click.argument("name")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(name: str, named: tuple[str, ...], as_json: bool) -> None:
    """Show plugin NAME: where it is from, its parts, what its tools may do, and what is wrong with it.

    To know what its tools may do, they are made; none is run. Of a secret only whether it is set is told.
    """
    registry = Plugins(with_plugins(load_settings(), named))
    found = next((each for each in registry.infos() if each.name == name), None)
    if found is None:
        raise _unknown(name, [each.name for each in registry.infos()])
    parts = [_part(registry, *part) for part in found.parts]
    if as_json:
        click.echo(json.dumps({**asdict(found), "parts": parts}, indent=2))
    else:
        _show(found, parts)


def _unknown(name: str, known: list[str]) -> UsageError:
    """There is no such plugin; or it is a file or a folder here that nobody named as one."""
    for place in (Path(name), Path(f"{name}.py")):
        if place.exists():
            plugin = place.name.removesuffix(".py")
            return UsageError(f"There is no plugin named {name!r}, but {str(place)!r} is here.",
                              f"Use: agentfix plugins info {plugin} --plugin {place}")
    return UnknownNameError("plugin", name, known)


def _part(registry: Plugins, part: Any, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"part": part, "name": name, "description": registry.find(part, name).description}
    if part != "tool":
        return told
    try:
        made: object = registry.build(part, name)
    except AgentFixError as error:
        return told | {"problem": str(error)}
    return told | _tool(made.spec) if isinstance(made, Tool) else told | {"tools": "found when they are first used"}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "description": spec.description,
        "arguments": [*spec.parameters.get("properties", {})],
        "side_effects": spec.side_effects, "deterministic": spec.deterministic, "isolate": spec.isolate,
        "hosts": [*spec.hosts], "paths": [*spec.paths], "processes": spec.processes, "cost": spec.cost,
        "secrets": {key: read_key(key) is not None for key in spec.secrets},
        "verifies": spec.verifies, "undoes": spec.undoes, "asks": spec.asks,
    }


def _show(found: PluginInfo, parts: list[dict[str, Any]]) -> None:
    said = [found.name, f"from {found.source}", found.package, {"first-party": "comes with agentfix"}.get(
        found.origin, "")]
    click.echo(one_line(", ".join(filter(None, said))))
    if found.about:
        click.echo(f"  {one_line(found.about)}")
    for problem, what in ((found.disabled, "disabled"), (found.problem, "NOT USED")):
        if problem:
            click.echo(f"  {what}: {one_line(problem)}")
    for part in parts:
        summary = str(part["description"]).partition("\n")[0]
        click.echo(f"\n{part['part']} {one_line(part['name'])}: {one_line(summary)}".rstrip(": "))
        for line in _capabilities(part) if "hosts" in part else _others(part):
            click.echo(f"  {one_line(line)}")


def _others(part: dict[str, Any]) -> list[str]:
    return [f"{key}: {part[key]}" for key in ("problem", "tools") if key in part]


def _capabilities(tool: dict[str, Any]) -> list[str]:
    """What a tool may do, a line for each sort of thing."""
    secrets: dict[str, bool] = tool["secrets"]
    abilities = {"verifies": "checks claims", "undoes": "can take its acts back", "isolate": "has a process of its own",
                 "processes": "starts programs on this machine", "asks": "may ask the critic's model",
                 "deterministic": "says the same to the same arguments"}
    return [
        f"arguments: {_listed(tool['arguments'])}",
        "side effects: " + ("yes, so it asks before it acts" if tool["side_effects"] else "none"),
        f"hosts: {_listed(tool['hosts'])}",
        f"paths: {_listed(tool['paths'])}",
        f"secrets: {_listed(key + (' (set)' if is_set else ' (not set)') for key, is_set in secrets.items())}",
        *([f"cost of a call: {tool['cost']:g}"] if tool["cost"] else []),
        *(text for key, text in abilities.items() if tool[key]),
    ]


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
