"""`agentfix models list | pull | rm | path`: the model files on this machine."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import TYPE_CHECKING

import click

from agentfix.cli.fetching import shown_progress
from agentfix.cli.visible import one_line
from agentfix.errors import ModelUnavailableError
from agentfix.models.catalog import Kept, describe_size, open_catalogue
from agentfix.models.sources import megabytes
from agentfix.settings import Settings, load_settings

if TYPE_CHECKING:
    from agentfix.models.openai.listing import Offer

NAME_HELP = "NAME is a name of the catalogue, OWNER/REPO:FILE.gguf, or the path of a GGUF file."


@click.group()
def models() -> None:
    """List, fetch and remove local models."""


@models.command("list", short_help="List models: the catalogue's, fetched ones, and your endpoints'.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(as_json: bool) -> None:
    """List the models of the catalogue, what else was fetched, and what your endpoints offer."""
    settings = load_settings()
    entries = open_catalogue(settings).entries()
    offers = _offers(settings)
    for problem in (problem for offer in offers for problem in offer.problems):
        click.echo(one_line(problem), err=True)
    if as_json:
        told = {"models": [_as_json(kept) for kept in entries], "endpoints": [_offer_as_json(o) for o in offers]}
        click.echo(json.dumps(told, indent=2))
        return
    rows = [("NAME", "SIZE", "LICENCE", "STATE", "PATH")]
    rows += [(k.file.name, describe_size(k), k.file.licence or "?", _state(k), str(k.path)) for k in entries]
    rows += [(one_line(o.spec(model)), "-", "-", "offered", " ".join(o.base_urls))
             for o in offers for model in o.models]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))


@models.command(help=f"Fetch a model, or check the one that is there. {NAME_HELP}")
@click.argument("name")
def pull(name: str) -> None:
    with shown_progress() as on_progress:
        path = open_catalogue(load_settings(), on_progress).pull(name)
    click.echo(str(path))


@models.command(help=f"Delete the file of a model. {NAME_HELP}")
@click.argument("name")
def rm(name: str) -> None:
    freed = open_catalogue(load_settings()).remove(name)
    click.echo(f"{name}: deleted, {megabytes(freed)} are free again.")


@models.command(help=f"Print where the file of a model is. {NAME_HELP}")
@click.argument("name")
def path(name: str) -> None:
    found = open_catalogue(load_settings()).locate(name)
    if found is None:
        raise ModelUnavailableError(f"The model {name!r} is not on disk.",
                                    f"Fetch it with: agentfix models pull {shlex.quote(name)}")
    click.echo(str(found))


def _offers(settings: Settings) -> list[Offer]:
    endpoints = settings.chosen_endpoints()
    if not endpoints:
        return []
    from agentfix.models.openai.listing import offers  # noqa: PLC0415 - loads the SDK

    return asyncio.run(offers(endpoints))


def _offer_as_json(offer: Offer) -> dict[str, object]:
    return {
        "name": offer.endpoint,
        "base_urls": list(offer.base_urls),
        "models": [offer.spec(model) for model in offer.models],
        "problems": list(offer.problems),
    }


def _state(kept: Kept) -> str:
    if kept.present:
        return "ready"
    if kept.unfinished_bytes:
        return f"unfinished ({megabytes(kept.unfinished_bytes)})"
    return "not fetched"


def _as_json(kept: Kept) -> dict[str, object]:
    return {
        "name": kept.file.name,
        "state": _state(kept).partition(" (")[0],
        "size_bytes": kept.path.stat().st_size if kept.present else kept.file.size_bytes,
        "unfinished_bytes": kept.unfinished_bytes,
        "licence": kept.file.licence or None,
        "sha256": kept.file.sha256,
        "repository": kept.file.repository,
        "path": str(kept.path),
    }
