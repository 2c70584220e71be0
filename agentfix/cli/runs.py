"""`agentfix runs list | show | tree | bisect | rm | gc`: what the journal holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from agentfix.cli.plugins.option import journal_option
from agentfix.cli.story import story_object, summary_lines, summary_object, tell, tell_heading
from agentfix.cli.tree import lines_of, tree_of
from agentfix.cli.tree_svg import svg_of
from agentfix.cli.visible import one_line
from agentfix.cli.writing import require_other, write
from agentfix.errors import JournalError
from agentfix.journal import Archive, KeptJournal, is_kept, open_kept
from agentfix.recording import is_there
from agentfix.settings import load_settings

T = TypeVar("T")
LISTED = 20
ITEM_CHARACTERS = 24


async def full_name(agent: Any, name: str, *, or_file: bool = False) -> str:
    """The full name of a run in an agent's journal.

    Args:
        agent: whose journal.
        name: the beginning of a run's name, or `last`.
        or_file: a file of that name will do.

    Raises:
        JournalError, InputError: there is none, or more than one.
    """
    journal = await agent.open_journal()
    if or_file and is_there(name):
        return name
    return Archive(journal).find(name) if isinstance(journal, KeptJournal) else name


@click.group()
def runs() -> None:
    """List, show and remove runs."""


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), help="How many, newest first; 20 unless told, with "
              "--of all.")
@click.option("--of", "evaluation", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The runs of the evaluation whose --output is this file, and no others, with its items and whether "
              "their answers are right.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@journal_option
def list_(limit: int | None, evaluation: Path | None, journal: str | None, as_json: bool) -> None:
    """List runs, newest first."""
    if evaluation is not None:
        _list_of(evaluation, limit, journal, as_json=as_json)
        return
    found = _with_archive(lambda archive: _now(archive.runs(limit or LISTED)), journal)
    if as_json:
        click.echo(json.dumps({"runs": [summary_object(run) for run in found]}, indent=2))
        return
    for run in found:
        _echo(summary_lines(run))


def _list_of(evaluation: Path, limit: int | None, journal: str | None, *, as_json: bool) -> None:
    """The runs of an evaluation: most ask the same questions, so that each says which item and column it is."""
    from agentfix.evals import Record, stored  # noqa: PLC0415 - loads more than a list of runs needs

    records = {record.run_id: record for record in stored(evaluation, Record)[1]}
    every = _with_archive(lambda archive: _now(archive.runs()), journal)
    found = [(run, records[run.id]) for run in every if run.id in records][:limit]
    if as_json:
        click.echo(json.dumps({"runs": [
            {**summary_object(run), "item": record.item, "repeat": record.repeat, "contender": record.strategy,
             "correct": record.correct} for run, record in found]}, indent=2))
        return
    for run, record in found:
        item = f"{record.item[:ITEM_CHARACTERS]}#{record.repeat}" if record.repeat else record.item[:ITEM_CHARACTERS]
        _echo(summary_lines(run, "right" if record.correct else "wrong", item, record.strategy))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@runs.command()
@click.argument("name", metavar="RUN")
@click.option("--calls", is_flag=True, help="Also what each call gave.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@journal_option
def show(name: str, calls: bool, journal: str | None, as_json: bool) -> None:
    """Show RUN: its attempts with their evidence, its calls by step, its result.

    The beginning of a run's name is enough, and `last` is the latest. The steps are those of `run --fork RUN@STEP`.
    """
    story = _with_archive(lambda archive: archive.story(archive.find(name)), journal)
    if as_json:
        click.echo(json.dumps(story_object(story, calls=calls), indent=2))
    else:
        tell(story, calls=calls)


@runs.command()
@click.argument("name", metavar="RUN")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also draw it into FILE.")
@journal_option
def tree(name: str, svg: Path | None, journal: str | None) -> None:
    """Show the attempts of RUN as a tree: who goes on from whom, what each answers, what speaks for it.

    The worth of an attempt, and of all that comes of it, is what guides a search; ★ is the attempt that is returned.
    """
    if svg is not None:
        require_other(svg, load_settings().journal_path)
    story = _with_archive(lambda archive: archive.story(archive.find(name)), journal)
    found = tree_of(story)
    tell_heading(story.summary)
    for line in lines_of(found):
        click.echo(line)
    if svg is not None:
        write(svg, svg_of(found))


@runs.command()
@click.argument("name", metavar="RUN")
@click.option("--answer", metavar="TEXT", help="The right answer.")
@click.option("--tests", type=click.Path(path_type=Path), metavar="FILE", help="Instead: a Python file with checks of "
              "the answer, as for `agentfix run`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@journal_option
def bisect(name: str, answer: str | None, tests: Path | None, journal: str | None, as_json: bool) -> int:
    """Find the round of RUN that broke its answer: after it another attempt was the best, and wrong.

    Nothing is asked of a model. Exit status: 0 when a round broke it, 1 when none did.
    """
    from agentfix.cli import bisecting  # noqa: PLC0415 - loads the plugins

    run = _with_archive(lambda archive: archive.story(archive.find(name)), journal).summary
    found = asyncio.run(bisecting.bisect(run, answer, tests, load_settings()))
    if as_json:
        click.echo(json.dumps(bisecting.plain(found, run.id), indent=2))
    elif run.result is not None:
        bisecting.tell(found, run.result)
    return 0 if found.broken else 1


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@journal_option
def rm(names: tuple[str, ...], journal: str | None) -> None:
    """Forget runs. `agentfix runs gc` gives their space back."""

    async def remove(archive: Archive) -> list[str]:
        found = list(dict.fromkeys(archive.find(name) for name in names))
        archive.remove(found)
        return found

    for name in _with_archive(remove, journal):
        click.echo(f"{one_line(name)}: forgotten.")


@runs.command()
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS",
              help="First forget the runs in which nothing has happened for so long.")
@journal_option
def gc(older_than: float | None, journal: str | None) -> None:
    """Give back the space of what was forgotten."""
    freed = _with_archive(lambda archive: _now(archive.clear(older_than)), journal)
    click.echo(f"{freed.runs} runs forgotten, {freed.texts} texts dropped, {freed.bytes:,} bytes freed.")


async def _now(value: T) -> T:
    return value


def _with_archive(work: Callable[[Archive], Awaitable[T]], named: str | None) -> T:
    """Do something with the journal, which must be there."""
    settings = load_settings({"journal": named})
    if not is_kept(settings):
        raise JournalError("There are no runs yet.", "Make one: agentfix run QUESTION")

    async def opened() -> T:
        journal = open_kept(settings)
        try:
            return await work(Archive(journal))
        finally:
            await journal.aclose()

    return asyncio.run(opened())
