"""`agentfix plugins new`: a package to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from agentfix.plugins import Plugins
from agentfix.settings import load_settings


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a plugin package into a new folder NAME: a tool, a critic, tests, a README and a workflow for CI.

    It can be installed at once (pip install ./NAME), passes its own tests, and is yours to change.
    """
    from agentfix.plugins.scaffold import write_plugin  # noqa: PLC0415 - loads the template engine

    registry = Plugins(load_settings())
    taken = {*(info.name for info in registry.infos()), *(entry.name for entry in registry.names("tool"))}
    folder = Path(name)
    files = write_plugin(name, folder, taken)
    click.echo(f"Wrote {len(files)} files into {folder}. Next:")
    click.echo(f"  pip install ./{folder}\n  agentfix plugins check {name}\n"
               f"  agentfix run --tool {name.replace('-', '_')} \"How many words has this question?\"")
