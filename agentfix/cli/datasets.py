"""`agentfix datasets list | pull`: the data sets that are known, where they are published, and fetching them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError, InputError, UnknownNameError
from agentfix.plugins import Plugins
from agentfix.protocols import PublishedDataSet
from agentfix.settings import Settings, load_settings

_DATA_DIR = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The folder of data "
                         "sets; one of its own in the data folder unless told.")


@click.group()
def datasets() -> None:
    """List data sets, and fetch those that are published."""


@datasets.command("list")
@_DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plugin_option
def list_(data_dir: Path | None, as_json: bool, named: tuple[str, ...]) -> None:
    """List data sets: what they ask, where they are published and under which licence, and what is here."""
    settings, plugins = _known(named)
    folder = data_dir or settings.datasets_dir
    told = [_entry(entry.name, entry.plugin, entry.description, plugins, folder) for entry in plugins.names("dataset")]
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "datasets": told}, indent=2))
        return
    width = max((len(entry["name"]) for entry in told), default=0)
    for entry in told:
        head, *rest = _lines(entry)
        click.echo(f"{entry['name']:{width}}  {one_line(head)}")
        for line in rest:
            click.echo(f"{'':{width}}  {one_line(line)}".rstrip())


@datasets.command("pull", short_help="Fetch data sets from where they are published.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_DATA_DIR
@plugin_option
def pull_(names: tuple[str, ...], data_dir: Path | None, named: tuple[str, ...]) -> None:
    """Fetch the data sets NAME from where they are published.

    Beside the rows, NAME.source.json says where they are from, under which licence, and what each is called. Then
    `agentfix eval NAME` finds them. Mind their licences: some forbid commercial use.
    """
    from agentfix.cli.fetching import shown_progress  # noqa: PLC0415 - loads the catalogue of models
    from agentfix.evals import pull  # noqa: PLC0415
    from agentfix.evals.download import download  # noqa: PLC0415 - loads the HTTP client
    from agentfix.models.catalog import Progress  # noqa: PLC0415

    settings, plugins = _known(named)
    folder = data_dir or settings.datasets_dir
    for name in names:
        _published(name, plugins)
    for name in names:
        with shown_progress() as shown:

            def fetch(url: str, most_bytes: int, name: str = name,
                      shown: Callable[[Progress], None] = shown) -> bytes:
                return download(url, most_bytes, lambda done, total: shown(Progress(name, url, done, total)))

            pulled = pull(name, _published(name, plugins), folder, fetch)
        click.echo(one_line(f"{name}: {pulled.rows:,} rows in {pulled.path}"))


def _known(named: tuple[str, ...]) -> tuple[Settings, Plugins]:
    settings = with_plugins(load_settings(), named)
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    return settings, plugins


def _published(name: str, plugins: Plugins) -> PublishedDataSet:
    known = [entry.name for entry in plugins.names("dataset")]
    if name not in known:
        raise UnknownNameError("data set", name, known, listed_by="agentfix datasets list")
    made: object = plugins.build("dataset", name)
    if not isinstance(made, PublishedDataSet):
        raise InputError(f"Data set {name!r} does not say where it is published.", "See: agentfix datasets list")
    return made


def _entry(name: str, plugin: str, description: str, plugins: Plugins, folder: Path) -> dict[str, Any]:
    from agentfix.evals import files_of  # noqa: PLC0415 - loads the reader of rows

    problem, source = "", None
    try:
        made: object = plugins.build("dataset", name)
        source = made.source if isinstance(made, PublishedDataSet) else None
    except AgentFixError as error:  # one that can't be used here hides no other
        problem = str(error)
    path = files_of(name, folder)[0]
    return {"name": name, "plugin": plugin, "description": description, "problem": problem,
            "source": None if source is None else asdict(source), "path": str(path) if path.is_file() else None}


def _lines(entry: dict[str, Any]) -> list[str]:
    source = entry["source"]
    lines = [entry["description"]]
    if source is not None:
        rows = f"{source['rows']:,} rows" if source["rows"] else "number of rows not known beforehand"
        lines += [f"{source['split']}, {rows}, {source['licence']}", source["citation"],
                  f"{source['url']} {source['how']}"]
    lines += [f"not to be used here: {entry['problem']}"] if entry["problem"] else []
    return [*lines, *([f"here: {entry['path']}"] if entry["path"] else []), ""]
