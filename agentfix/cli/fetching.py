"""Shows how far the fetching of a model is: a bar on a terminal, plain lines elsewhere; on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec

import click

from agentfix.cli.visible import one_line
from agentfix.models.catalog import Progress, open_catalogue
from agentfix.models.sources import megabytes
from agentfix.settings import LOCAL, Settings, split_model

STEP_PERCENT = 10
"""Between two plain lines."""


def fetch_models(settings: Settings) -> None:
    """Fetch what is missing of the local models that settings name, and show how far it is.

    Without llama.cpp nothing is fetched: whoever makes the model says what is to be installed first.

    Raises:
        As `agentfix.models.catalog.Catalogue.resolve`.
    """
    if find_spec("llama_cpp") is None:
        return
    for spec in dict.fromkeys((settings.model, settings.critic_model or settings.model)):
        name = local_name(spec)
        if name is not None and open_catalogue(settings).locate(name) is None:
            with shown_progress() as on_progress:
                open_catalogue(settings, on_progress).resolve(name)


def local_name(spec: str) -> str | None:
    """The name of a local model; None when the spec is that of another backend."""
    backend, name = split_model(spec)
    return name if backend == LOCAL else None


@contextmanager
def shown_progress() -> Generator[Callable[[Progress], None]]:
    """What a catalogue calls, for as long as something is fetched."""
    if sys.stderr.isatty():
        with _bar() as advance:
            yield advance
    else:
        yield _plain_lines()


def _plain_lines() -> Callable[[Progress], None]:
    """A line for each new note and every few percent."""
    said: tuple[str, str, int] = ("", "", -1)

    def advance(progress: Progress) -> None:
        nonlocal said
        percent = 100 * progress.done_bytes // progress.total_bytes if progress.total_bytes else 0
        now = (progress.source, progress.note, percent // STEP_PERCENT)
        if now != said and (now[:2] != said[:2] or progress.total_bytes):
            said = now
            amount = f", {percent} % of {megabytes(progress.total_bytes)}" if progress.total_bytes else ""
            click.echo(one_line(f"{progress.name}: {_told(progress)}{amount}"), err=True)

    return advance


@contextmanager
def _bar() -> Generator[Callable[[Progress], None]]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True, markup=False, highlight=False)) as bar:
        task = bar.add_task("", total=None, visible=False)

        def advance(progress: Progress) -> None:
            if progress.total_bytes is None:
                bar.console.print(one_line(f"{progress.name}: {_told(progress)}"))
            else:
                bar.update(task, description=one_line(progress.name),
                           visible=True, completed=progress.done_bytes, total=progress.total_bytes)

        yield advance


def _told(progress: Progress) -> str:
    return ": ".join(text for text in (progress.source, progress.note) if text)
