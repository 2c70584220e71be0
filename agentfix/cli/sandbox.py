"""`agentfix sandbox build | ls | rm | prune | doctor | exec`: make the image, look at boxes, run a program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from agentfix.cli.sandbox_exec import exec_
from agentfix.cli.visible import visible
from agentfix.errors import InputError
from agentfix.settings import Settings, load_settings

if TYPE_CHECKING:
    from agentfix.sandbox.docker.isolation import Isolation


@click.group()
def sandbox() -> None:
    """Build sandbox images, and run programs in a sandbox."""


@sandbox.command()
@click.option("--base", metavar="IMAGE", help="Image to build on; python:3.12-slim when not given.")
@click.option("--packages", metavar="LIST",
              help="Packages for programs, separated by spaces; 'numpy sympy matplotlib pytest' when not given.")
@click.option("--offline", is_flag=True, help="Without a registry: make the base from Debian packages.")
def build(base: str | None, packages: str | None, offline: bool) -> None:
    """Make the image of the docker sandbox; one that is made of the same already is left as it is."""
    from agentfix.sandbox.docker.images import DEFAULT_PACKAGES, build_image  # noqa: PLC0415

    image = load_settings().sandbox_image
    wanted = packages.split() if packages is not None else DEFAULT_PACKAGES
    made = build_image(image, base=base, packages=wanted, offline=offline,
                       log=lambda line: click.echo(visible(line), err=True))
    click.echo(f"Made the image {image!r}." if made else f"The image {image!r} is up to date.")


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ls(as_json: bool) -> None:
    """List the containers of agentfix on the engine, whoever made them."""
    from agentfix.sandbox.docker.engine import open_engine  # noqa: PLC0415
    from agentfix.sandbox.docker.owners import is_dead  # noqa: PLC0415

    with open_engine() as engine:
        found = engine.containers()
    if as_json:
        click.echo(json.dumps({"containers": [asdict(each) for each in found]}, indent=2))
        return
    for each in found:
        click.echo(visible(f"{each.id}  {each.status:8}  {each.age_s / 60:6.1f} min old  "
                           f"{'its maker is gone' if is_dead(each.owner) else 'in use'}"))
    if not found:
        click.echo("No containers.")


@sandbox.command()
@click.argument("containers", nargs=-1, metavar="CONTAINER...")
@click.option("--all", "every", is_flag=True, help="All of them, those of other processes too.")
def rm(containers: tuple[str, ...], every: bool) -> None:
    """Kill and remove containers of agentfix."""
    from agentfix.sandbox.docker.engine import open_engine  # noqa: PLC0415

    if bool(containers) == every:
        raise InputError("Say which containers.", "Name them, or give --all; those of dead processes: "
                         "agentfix sandbox prune")
    with open_engine() as engine:
        ours = [each.id for each in engine.containers()]
        for name in containers:
            if name[:12] not in ours:
                raise InputError(f"There is no container {name!r} of agentfix.", "List them: agentfix sandbox ls")
        chosen = [name[:12] for name in containers] or ours
        for container in chosen:
            engine.remove(container)
    click.echo(f"Removed {len(chosen)}.")


@sandbox.command()
def prune() -> None:
    """Remove the containers whose makers are gone; those of living processes are left alone."""
    from agentfix.sandbox.docker.engine import open_engine  # noqa: PLC0415

    with open_engine() as engine:
        removed = engine.sweep()
    for each in removed:
        click.echo(visible(f"{each.id}  {each.image}  {each.status}"))
    click.echo(f"Removed {len(removed)}.")


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what really keeps programs in a box of the docker sandbox, as a box that is started reads it back.

    Exit status: 0 when all that is asked for is there, 1 when not.
    """
    found, engine = asyncio.run(_isolation(load_settings()))
    if as_json:
        click.echo(json.dumps({"engine": dict(engine), **asdict(found), "holds": not found.missing}, indent=2))
    else:
        for name, text in (*engine.items(), *found.surroundings.items()):
            click.echo(visible(f"      {name}: {text}"))
        for wall in found.walls:
            click.echo(visible(f"{'ok' if wall.holds else 'MISSING':<7} {wall.name}: {wall.found or 'none'}"))
    context.exit(1 if found.missing else 0)


async def _isolation(settings: Settings) -> tuple[Isolation, Mapping[str, str]]:
    from agentfix.sandbox.docker import DockerSandbox  # noqa: PLC0415

    sandbox = DockerSandbox(settings.sandbox_image, runtime=settings.sandbox_runtime)
    try:
        return await sandbox.isolation(), await sandbox.engine_facts()
    finally:
        await sandbox.aclose()


sandbox.add_command(exec_)
