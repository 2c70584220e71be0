"""`agentfix sandbox build | ls | rm | exec`: make the image, look at containers, run a program."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import asdict
from typing import BinaryIO

import click

from agentfix.cli.visible import visible
from agentfix.errors import InputError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult, Limits, Sandbox
from agentfix.settings import MAX_TIMEOUT_S, Settings, load_settings

MAX_MEMORY_MIB = 2**20


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
    from agentfix.sandbox.images import DEFAULT_PACKAGES, build_image  # noqa: PLC0415

    image = load_settings().sandbox_image
    wanted = packages.split() if packages is not None else DEFAULT_PACKAGES
    made = build_image(image, base=base, packages=wanted, offline=offline,
                       log=lambda line: click.echo(visible(line), err=True))
    click.echo(f"Made the image {image!r}." if made else f"The image {image!r} is up to date.")


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ls(as_json: bool) -> None:
    """List the containers of agentfix that are there."""
    from agentfix.sandbox.engine import open_engine  # noqa: PLC0415

    with open_engine() as engine:
        found = engine.containers()
    if as_json:
        click.echo(json.dumps({"containers": [asdict(each) for each in found]}, indent=2))
        return
    for each in found:
        click.echo(visible(f"{each.id}  {each.image}  {each.status}  owner {each.owner or 'unknown'}"))
    if not found:
        click.echo("No containers.")


@sandbox.command()
@click.argument("containers", nargs=-1, metavar="[CONTAINER]...")
def rm(containers: tuple[str, ...]) -> None:
    """Kill and remove containers of agentfix; all of them when none is named."""
    from agentfix.sandbox.engine import open_engine  # noqa: PLC0415

    with open_engine() as engine:
        ours = [each.id for each in engine.containers()]
        for name in containers:
            if name[:12] not in ours:
                raise InputError(f"There is no container {name!r} of agentfix.", "List them: agentfix sandbox ls")
        chosen = [name[:12] for name in containers] or ours
        for container in chosen:
            engine.remove(container)
    click.echo(f"Removed {len(chosen)}.")


@sandbox.command("exec")
@click.argument("file", type=click.File("rb"))
@click.option("--sandbox", "name", metavar="NAME", help="auto, embedded or docker.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, MAX_TIMEOUT_S, min_open=True), metavar="S",
              help="Seconds.")
@click.option("--memory", "memory_mb", type=click.IntRange(16, MAX_MEMORY_MIB), metavar="MB",
              help="Memory limit, in MiB.")
@click.option("--want", metavar="NAME", help="Also print the value of this variable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def exec_(context: click.Context, file: BinaryIO, name: str | None, timeout_s: float | None, memory_mb: int | None,
          want: str | None, as_json: bool) -> None:
    """Run the Python program in FILE (- for standard input) in a sandbox.

    Exit status: 0 when it ended well, 1 when it did not, 2 misuse.
    """
    settings = load_settings({"sandbox": name, "tool_timeout_s": timeout_s})
    limits = Limits(timeout_s=settings.tool_timeout_s,
                    memory_bytes=memory_mb * 2**20 if memory_mb else Limits().memory_bytes)
    result = asyncio.run(_execute(settings, _read(file), limits, want))
    if as_json:
        click.echo(json.dumps(asdict(result), indent=2, default=_base64))
    else:
        _show(result, want)
    context.exit(0 if result.status == "ok" else 1)


async def _execute(settings: Settings, code: str, limits: Limits, want: str | None) -> ExecResult:
    place: Sandbox = Plugins(settings).build("sandbox", settings.sandbox)
    try:
        session = await place.open()
        try:
            return await session.exec(code, limits, want=want)
        finally:
            await session.aclose()
    finally:
        await place.aclose()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _show(result: ExecResult, want: str | None) -> None:
    click.echo(visible(result.stdout), nl=False)
    click.echo(visible(result.stderr), nl=False, err=True)
    if result.value is not None:
        click.echo(visible(f"{want} = {result.value}"))
    where = f" on line {result.line}" if result.line else ""
    said = f": {visible(result.error)}" if result.error else ""
    click.echo(f"{result.status}{where}{said} [{result.sandbox}, {result.seconds:.3f} s]", err=True)


def _read(file: BinaryIO) -> str:
    try:
        return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The program {file.name!r} is not UTF-8: {error}.") from error
