"""`agentfix view`: the runs of the journal, and evaluations, as a page to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click

from agentfix.cli.plugins.option import journal_option
from agentfix.cli.visible import one_line
from agentfix.cli.writing import require_other, write
from agentfix.errors import ConfigError, JournalError, UsageError
from agentfix.journal import Archive, is_kept, open_kept
from agentfix.settings import Settings, load_settings
from agentfix.view.page import alone, start
from agentfix.view.source import Source

MOST = 2


@click.command()
@click.argument("names", metavar="[RUN [OTHER] | FILE]", nargs=-1)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write one file that holds the page and its data, and needs nothing else.")
@journal_option
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Where to serve; any free port if not given.")
def view(names: tuple[str, ...], html: Path | None, journal: str | None, port: int) -> None:
    """Look at runs: the attempts as a tree and in time, what spoke for and against each, why the answer changed.

    Without a name all runs are listed. The beginning of a run's name is enough, and `last` is the latest; two runs are
    shown side by side. FILE is what `agentfix eval --output` made. The page is served on this machine only, at an
    address that nobody can guess, until Ctrl-C.
    """
    if len(names) > MOST:
        raise UsageError(f"{len(names)} runs can't be shown side by side.", "Name one or two.")
    if html is not None and not names:
        raise UsageError("--html needs to be told what to write.", "Name a run: agentfix view last --html FILE")
    asyncio.run(_look(names, html, load_settings({"journal": journal}), port))


async def _look(names: Sequence[str], html: Path | None, settings: Settings, port: int) -> None:
    file = Path(names[0]) if len(names) == 1 and names[0].endswith(".jsonl") else None
    if html is not None:
        for read in (settings.journal_path, *([] if file is None else [file])):
            require_other(html, read)
    async with AsyncExitStack() as stack:
        archive = _archive(stack, settings, needed=file is None)
        source = Source(archive, file)
        runs = [] if file is not None or archive is None else [archive.find(name) for name in names]
        if file is not None:
            await source.answer("evaluation", {})  # a file that is none is said before anything is served
        for run in runs:
            await source.trace(run)  # the same for a run, which is at hand then when the page asks
        if html is not None:
            page = await alone(source, runs, evaluation=file is not None)
            write(html, page)
            click.echo(f"{one_line(str(html))}: {len(page.encode()):,} bytes.")
            return
        await _serve(source, port, start(runs, evaluation=file is not None))


async def _serve(source: Source, port: int, first: str) -> None:
    try:
        from agentfix.view.serving import serve  # noqa: PLC0415 - loads optional packages
    except ImportError as error:
        raise ConfigError("Serving the page needs starlette and uvicorn.",
                          "Install them with: pip install 'agentfix[view]'; or write a file: --html FILE") from error

    def announce(address: str) -> None:
        click.echo(f"Open {address}{first} in a browser; Ctrl-C ends it.")

    await serve(source, port, announce)


def _archive(stack: AsyncExitStack, settings: Settings, *, needed: bool) -> Archive | None:
    if not is_kept(settings):
        if needed:
            raise JournalError("There are no runs yet.", "Make one: agentfix run QUESTION")
        return None
    journal = open_kept(settings)
    stack.push_async_callback(journal.aclose)
    return Archive(journal)
