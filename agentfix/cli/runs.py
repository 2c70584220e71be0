"""`agentfix runs list | show | rm | gc`: what the journal holds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agentfix.cli.visible import bounded, one_line
from agentfix.errors import JournalError
from agentfix.journal import Archive, RunSummary, SqliteJournal
from agentfix.models.sources import megabytes
from agentfix.protocols import JournalledCall
from agentfix.settings import load_settings
from agentfix.types import EvidenceClass

T = TypeVar("T")


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
    if or_file and await asyncio.to_thread(Path(name).is_file):
        return name
    return Archive(journal).find(name) if isinstance(journal, SqliteJournal) else name


@click.group()
def runs() -> None:
    """List, show and remove runs."""


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    found = _with_archive(lambda _, archive: _now(archive.runs(limit)))
    if as_json:
        click.echo(json.dumps({"runs": [_as_json(run) for run in found]}, indent=2))
        return
    for run in found:
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.begun))
        click.echo(f"{one_line(run.id)}  {begun}  {_state(run):22}  {one_line(run.question)[:80]}")


@runs.command()
@click.argument("name", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(name: str, as_json: bool) -> None:
    """Show the question, the calls by step, and the result of RUN (the beginning of its name, or `last`)."""

    async def read(journal: SqliteJournal, archive: Archive) -> tuple[RunSummary, list[JournalledCall]]:
        full = archive.find(name)
        return next(run for run in archive.runs() if run.id == full), await journal.calls(full)

    run, calls = _with_archive(read)
    if as_json:
        steps = [{"place": c.place, "request": c.request, "reply": c.reply} for c in calls]
        click.echo(json.dumps({**_as_json(run), "steps": steps}, indent=2))
        return
    click.echo(f"{one_line(run.id)}: {one_line(run.strategy)}, {one_line(run.model)}, {_state(run)}")
    click.echo(bounded(run.question, lines=10))
    for step, call in enumerate(calls, 1):
        click.echo(f"\n{f'step {step}' if call.reply is not None else 'in doubt'}: {_title(call)}")
        click.echo(bounded(_said(call), lines=12, characters=1200))
    if run.result is not None:
        click.echo(f"\nanswer: {bounded(str(run.result.get('answer')), lines=10)}")
        click.echo(f"{_support(run.result)}: {one_line(str(run.result.get('reason')))}")
        click.echo(f"stopped: {one_line(str(run.result.get('stop_reason')))}")
    else:
        click.echo(f"\nIt has not ended. Go on with: agentfix resume {one_line(run.id)}")


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
def rm(names: tuple[str, ...]) -> None:
    """Forget runs."""

    async def remove(_: SqliteJournal, archive: Archive) -> list[str]:
        found = [archive.find(name) for name in names]
        archive.remove(found)
        return found

    for name in _with_archive(remove):
        click.echo(f"{one_line(name)}: forgotten.")


@runs.command()
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Forget runs begun before that, too.")
def gc(older_than: float | None) -> None:
    """Give back the space of what was forgotten."""
    freed = _with_archive(lambda _, archive: _now(archive.clear(older_than)))
    click.echo(f"{freed.runs} runs forgotten, {freed.texts} texts dropped, {megabytes(freed.bytes)} freed.")


async def _now(value: T) -> T:
    return value


def _with_archive(work: Callable[[SqliteJournal, Archive], Awaitable[T]]) -> T:
    """Do something with the journal's file, which must be there."""
    path = load_settings().journal_path
    if not path.exists():
        raise JournalError("There are no runs yet.", "Make one: agentfix run QUESTION")

    async def opened() -> T:
        journal = SqliteJournal(path)
        try:
            return await work(journal, Archive(journal))
        finally:
            await journal.aclose()

    return asyncio.run(opened())


def _as_json(run: RunSummary) -> dict[str, Any]:
    return {"id": run.id, "begun": run.begun, "question": run.question, "model": run.model, "strategy": run.strategy,
            "calls": run.calls, "ended": run.result is not None,
            "answer": None if run.result is None else run.result.get("answer"), "supported_by": _label(run.result)}


def _state(run: RunSummary) -> str:
    return "not ended" if run.result is None else _support(run.result)


def _support(result: dict[str, Any]) -> str:
    return f"supported by {_label(result)}" if _label(result) else "not supported"


def _label(result: dict[str, Any] | None) -> str | None:
    by = None if result is None else result.get("supported_by")
    return None if by is None else EvidenceClass(by).label


def _title(call: JournalledCall) -> str:
    if "tool" in call.request:
        return f"tool {one_line(str(call.request['tool']))} ({one_line(call.place)})"
    return f"model {one_line(str(call.request.get('model')))} ({one_line(call.place)})"


def _said(call: JournalledCall) -> str:
    if call.reply is None:
        return f"begun, and nobody knows whether it happened: {json.dumps(dict(call.request), default=str)}"
    if "observation" in call.reply:
        return str(call.reply["observation"].get("text", ""))
    return "\n---\n".join(str(completion.get("text", "")) for completion in call.reply.get("completions", ()))
