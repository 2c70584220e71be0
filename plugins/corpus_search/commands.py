"""`agentfix corpus add | list | rm | search`: the user's own files."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import click

from agentfix import InputError, Settings, UsageError, load_settings, one_line

from .adding import Change, What, add, existing, remove
from .index import Hit, Index, Kept
from .places import Place, chosen, delete, named, names
from .searching import FILL, as_json, opened, source_of

_CORPUS = click.option("--corpus", metavar="NAME", help="Another corpus than `default`, or the one that is set.")
_CLEAR = "\r\x1b[K"
"""Empties the line of a terminal."""
_JSON = click.option("--json", "as_json_", is_flag=True, help="Print one JSON object.")


@click.group()
def corpus() -> None:
    """Search your own files, offline: text, Markdown, PDF, HTML and JSON lines."""


@corpus.command("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@_CORPUS
def add_(paths: tuple[Path, ...], corpus: str | None) -> int:
    """Index files, and folders with all below them.

    Only what changed is read again, and what is gone from a folder leaves the corpus. Exit status 1 when a file could
    not be read.
    """
    settings = _settings(corpus)
    place = named(settings.corpus, settings)
    roots = existing(paths)
    index = Index(place.index, create=True)
    try:
        seen: list[Change] = []
        for change in add(index, roots, _show_progress if sys.stderr.isatty() else None):
            seen.append(change)
            _clear_progress()
            _tell(change)
        files = index.files()
    finally:
        index.close()
    click.echo(f"{_summary(seen)}. {_size(place, files)}")
    return 1 if any(change.what == "failed" for change in seen) else 0


@corpus.command("list")
@_CORPUS
@_JSON
def list_(corpus: str | None, as_json_: bool) -> None:
    """List the files of a corpus, and what changed since they were indexed."""
    settings = _settings(corpus)
    place = chosen(settings)
    files: list[Kept] = []
    if place.index.exists():
        index = Index(place.index)
        files = index.files()
        index.close()
    if as_json_:
        told = [{"path": str(file.path), "passages": file.passages, "state": _state(file)} for file in files]
        click.echo(json.dumps({"corpus": place.name, "index": str(place.index), "files": told}, indent=2))
        return
    for file in files:
        click.echo(f"{file.passages:>9,}  {_state(file):9}  {one_line(str(file.path))}")
    click.echo(_size(place, files))
    if others := [name for name in names(settings) if name != place.name]:
        click.echo(f"Other corpora: {', '.join(others)}. See one with --corpus NAME.")


@corpus.command("rm")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--all", "everything", is_flag=True, help="Delete the whole corpus.")
@_CORPUS
def rm(paths: tuple[Path, ...], everything: bool, corpus: str | None) -> None:
    """Take files, or all below a folder, out of a corpus. The files themselves stay."""
    if everything == bool(paths):
        raise UsageError("Which files?", "Name files or folders, or say --all.")
    settings = _settings(corpus)
    place = chosen(settings) if everything else named(settings.corpus, settings)
    if not place.index.exists():
        raise InputError(f"The corpus {place.name!r} is empty.")
    if everything:
        delete(place)
        click.echo(f"The corpus {place.name!r} is deleted.")
        return
    index = Index(place.index)
    try:
        removed = [change for path in paths for change in remove(index, path)]
        index.compact()
        files = index.files()
    finally:
        index.close()
    click.echo(f"{_summary(removed)}. {_size(place, files)}")


@corpus.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("-k", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many passages.")
@_CORPUS
@_JSON
def search(query: tuple[str, ...], k: int, corpus: str | None, as_json_: bool) -> None:
    """Find the passages that tell most about a question. --corpus may be the path of a file or folder, too."""
    index = opened(chosen(_settings(corpus)))
    try:
        hits = index.search(" ".join(query), k)
    finally:
        index.close()
    if as_json_:
        click.echo(json.dumps({"passages": [as_json(hit) for hit in hits]}, indent=2))
        return
    for number, hit in enumerate(hits, 1):
        _show(number, hit)
    if not hits:
        click.echo("No passage has any of these words.")


def _settings(corpus: str | None) -> Settings:
    return load_settings({"corpus": corpus})


def _show_progress(path: Path, passages: int) -> None:
    if passages:
        click.echo(f"{_CLEAR}{one_line(path.name)}: {passages:,} passages", nl=False, err=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo(_CLEAR, nl=False, err=True)


def _tell(change: Change) -> None:
    """Say what should not be overlooked."""
    if change.what == "removed":
        told = "is gone, and left the corpus"
    elif change.what == "failed":
        told = f"{change.problem}; it stays as it was indexed before" if change.passages else change.problem
    else:
        return
    click.echo(f"agentfix: {one_line(f'{change.path}: {told}')}", err=True)


def _show(number: int, hit: Hit) -> None:
    piece = hit.piece
    click.secho(f"[{number}] {one_line(piece.title)}", bold=True)
    click.echo(f"    {one_line(source_of(hit))}, characters {piece.start:,} to {piece.end:,}, score {hit.score:.1f}")
    click.echo(f"    {one_line(piece.text)}")


def _summary(changes: list[Change]) -> str:
    counts = Counter(change.what for change in changes)
    told = [f"{counts[what]:,} {what}" for what in get_args(What) if counts[what]]
    return f"Files: {', '.join(told) or 'none'}"


def _size(place: Place, files: list[Kept]) -> str:
    if not files:
        return f"The corpus {place.name!r} is empty. {FILL}"
    passages = sum(file.passages for file in files)
    return f"The corpus {place.name!r}: {_count(passages, 'passage')} of {_count(len(files), 'file')}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _state(file: Kept) -> str:
    """Whether a file is as it was indexed, by its size and time."""
    try:
        status = file.path.stat()
    except OSError:
        return "gone"
    unchanged = file.size_bytes == status.st_size and file.mtime_ns in (0, status.st_mtime_ns)
    return "indexed" if unchanged else "changed"
