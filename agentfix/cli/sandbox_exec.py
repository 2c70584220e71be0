"""`agentfix sandbox exec`: programs or cells, run in a sandbox, and what became of them."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click

from agentfix.cli.visible import visible
from agentfix.errors import InputError
from agentfix.plugins import Plugins
from agentfix.protocols import Artefact, ExecResult, Limits, OutputStream, Sandbox
from agentfix.settings import MAX_TIMEOUT_S, Settings, load_settings

MAX_MEMORY_MIB = 2**20
_NO_NAMES_HERE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
"""The name of a file is none on this machine, or that of another file already."""


@click.command("exec")
@click.argument("files", type=click.File("rb"), nargs=-1, required=True, metavar="FILE...")
@click.option("--sandbox", "name", metavar="NAME", help="auto, embedded or docker.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, MAX_TIMEOUT_S, min_open=True), metavar="S",
              help="Seconds.")
@click.option("--memory", "memory_mb", type=click.IntRange(16, MAX_MEMORY_MIB), metavar="MB",
              help="Memory limit, in MiB.")
@click.option("--want", metavar="NAME", help="Also print the value of this variable, instead of the last expression's.")
@click.option("--cells", is_flag=True, help="Run the FILEs as cells of one session, which share their variables.")
@click.option("--put", "inputs", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Give this file to the programs, in their working folder; may be given several times.")
@click.option("--artefacts", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Write the files that programs made into a new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def exec_(context: click.Context, files: Sequence[BinaryIO], name: str | None, timeout_s: float | None,
          memory_mb: int | None, want: str | None, cells: bool, inputs: Sequence[Path], artefacts: Path | None,
          as_json: bool) -> None:
    """Run the Python programs in FILEs (- for standard input) in a sandbox, one after the other.

    Exit status: 0 when all ended well, 1 when one did not, 2 misuse.
    """
    settings = load_settings({"sandbox": name, "tool_timeout_s": timeout_s})
    limits = Limits(timeout_s=settings.tool_timeout_s,
                    memory_bytes=memory_mb * 2**20 if memory_mb else Limits().memory_bytes)
    codes = [_read(file) for file in files]
    if artefacts is not None:
        _make(artefacts)
    results = asyncio.run(_execute(settings, files, codes, limits, want, inputs, cells=cells, live=not as_json))
    if as_json:
        plain = [asdict(result) for result in results]
        said = plain[0] if len(plain) == 1 and not cells else {"results": plain}
        click.echo(json.dumps(said, indent=2, default=_base64))
    for number, result in enumerate(results):
        if artefacts is not None:
            _keep(result.artefacts, artefacts / str(number) if len(results) > 1 else artefacts)
    context.exit(0 if all(result.status == "ok" for result in results) else 1)


async def _execute(settings: Settings, files: Sequence[BinaryIO], codes: Sequence[str], limits: Limits,
                   want: str | None, inputs: Sequence[Path], *, cells: bool, live: bool) -> list[ExecResult]:
    place: Sandbox = Plugins(settings).build("sandbox", settings.sandbox)
    results: list[ExecResult] = []
    try:
        session = await place.open()
        try:
            for path in inputs:
                await session.put(path.name, await asyncio.to_thread(path.read_bytes))
            for file, code in zip(files, codes, strict=True):
                if live and len(codes) > 1:
                    click.echo(visible(f"== {file.name}"), err=True)
                result = await session.exec(code, limits, want=want, stateful=cells,
                                            on_output=_show_output if live else None)
                results.append(result)
                if live:
                    _show(result, want, cells)
        finally:
            await session.aclose()
    finally:
        await place.aclose()
    return results


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _show_output(stream: OutputStream, text: str) -> None:
    click.echo(visible(text), nl=False, err=stream == "stderr")


def _show(result: ExecResult, want: str | None, cells: bool) -> None:
    if result.value is not None:
        click.echo(visible(f"{want} = {result.value}" if want else result.value))
    where = f" on line {result.line}" if result.line else ""
    said = f": {visible(result.error)}" if result.error else ""
    state = f", variables: {result.state.replace('_', ' ')}" if cells else ""
    click.echo(f"{result.status}{where}{said} [{result.sandbox}, {result.seconds:.3f} s{state}]", err=True)
    for artefact in result.artefacts:
        click.echo(visible(f"made {artefact.path} ({artefact.media_type}, {artefact.size_bytes} bytes)"), err=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"The folder {str(folder)!r} can't be made: {error.strerror}.",
                         "Name one that is not there yet.") from error


def _keep(artefacts: Sequence[Artefact], folder: Path) -> None:
    """Write files into a folder that only we have written to: no name of theirs can lead out of it."""
    for artefact in artefacts:
        parts = artefact.path.split("/")
        if artefact.data is None or any(part in ("", ".", "..") or "\0" in part for part in parts):
            click.echo(visible(f"{artefact.path} is not kept."), err=True)
            continue
        path = folder.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(artefact.data)
        except OSError as error:
            if error.errno in _NO_NAMES_HERE:
                click.echo(visible(f"{artefact.path} is not kept: {error.strerror}."), err=True)
                continue
            raise InputError(f"{str(path)!r} can't be written: {error.strerror}.") from error


def _read(file: BinaryIO) -> str:
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The program {file.name!r} is not UTF-8: {error}.") from error
