"""`agentfix export`: training data of what runs proved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agentfix.cli.plugins.option import journal_option
from agentfix.cli.visible import one_line
from agentfix.cli.words import count
from agentfix.cli.writing import require_other, write
from agentfix.errors import InputError
from agentfix.export import FORMATS, Export, Selection
from agentfix.journal import is_kept, open_kept
from agentfix.settings import load_settings
from agentfix.types import EvidenceClass

_CLASSES = [kind.label for kind in reversed(EvidenceClass) if kind > EvidenceClass.OPINION]
_PATH = click.Path(path_type=Path)


@click.command(short_help="Make training data of what runs proved.")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.option("--output", type=_PATH, required=True, help="The file of JSON lines to write; it is written anew.")
@click.option("--require", type=click.Choice(_CLASSES), default=EvidenceClass.MEASUREMENT.label, show_default=True,
              help="The weakest class of evidence that counts as proof.")
@click.option("--kind", help="Only tasks of this kind.")
@click.option("--strategy", help="Only runs of this strategy.")
@click.option("--runs", multiple=True, metavar="RUN", help="Only runs whose names begin so; may be given several "
              "times.")
@click.option("--of", "evaluations", type=_PATH, multiple=True, metavar="FILE", help="Only runs of the evaluation "
              "whose --output is this file. May be given several times.")
@click.option("--since", type=click.DateTime(), help="Only runs that began then or later.")
@click.option("--graded", type=_PATH, multiple=True, metavar="FILE", help="The --output of an evaluation: what it "
              "graded against its reference is proved by contract. May be given several times.")
@click.option("--source", help="The data set that the questions come from, for the rows to say; evaluations tell it.")
@click.option("--licence", help="Its licence.")
@journal_option
@click.option("--split", help="Which part of it they are: train, test, ...")
def export(format_name: str, output: Path, require: str, since: datetime | None, graded: tuple[Path, ...],
           evaluations: tuple[Path, ...], runs: tuple[str, ...], journal: str | None, **chosen: Any) -> int:
    """Write training data in FORMAT, from runs in which a tool, a person or a check proved what is right and wrong.

    The columns are those of TRL's data sets: sft, dpo and kto are what its trainers of these names take, prm is its
    stepwise supervision; critique and rewind are sft rows that teach to criticise, and to go back. Each row says what
    proves it.
    """
    for path in (*graded, *evaluations):
        require_other(output, path)
    grades, sources = _graded(graded)
    for path in evaluations:
        runs += _runs_of(path)
    selection = Selection(EvidenceClass.parse(require), since=None if since is None else since.timestamp(),
                          grades=grades, sources=sources, runs=runs, **chosen)
    made = asyncio.run(_made(format_name, selection, journal))
    write(output, "".join(f"{json.dumps(row)}\n" for row in made.rows))
    _tell(made, output, selection)
    return 0 if made.rows else 1


async def _made(format_name: str, selection: Selection, named: str | None) -> Export:
    from agentfix.agent import export_runs  # noqa: PLC0415 - loads the graph machine

    settings = load_settings({"journal": named})
    if not is_kept(settings):
        raise InputError("There are no runs yet.", "Make one: agentfix run QUESTION")
    journal = open_kept(settings)
    try:
        return await export_runs(journal, format_name, selection)
    finally:
        await journal.aclose()


def _runs_of(evaluation: Path) -> tuple[str, ...]:
    """Raises InputError: the file can't be used, or holds nothing."""
    from agentfix.evals import Record, stored  # noqa: PLC0415 - loads plugins

    runs = tuple(record.run_id for record in stored(evaluation, Record)[1] if record.run_id)
    if not runs:
        raise InputError(f"{one_line(str(evaluation))} holds no finished run.", "Run the evaluation first.")
    return runs


def _graded(files: Sequence[Path]) -> tuple[Mapping[str, Mapping[str, bool]], Mapping[str, str]]:
    """What evaluations graded, by run and answer, and the data sets of their runs.

    Raises:
        InputError: a file can't be used, or two of them contradict each other.
    """
    from agentfix.evals import Record, stored  # noqa: PLC0415 - loads plugins

    grades: dict[str, dict[str, bool]] = {}
    sources: dict[str, str] = {}
    for path in files:
        header, records = stored(path, Record)
        for record in records:
            of_run = grades.setdefault(record.run_id, {})
            if record.note or record.error:
                continue  # it could not be graded
            for answer, right in ((record.first_answer, record.first_correct), (record.answer, record.correct)):
                if answer is not None and of_run.setdefault(answer, right) != right:
                    raise InputError(f"{one_line(str(path))} grades an answer of run {record.run_id!r} otherwise than "
                                     "was said before.", "Give the evaluation whose reference holds.")
            sources[record.run_id] = str(header.get("data", ""))
    return grades, sources


def _tell(made: Export, output: Path, selection: Selection) -> None:
    looked = f"{count(made.attempts, 'attempt')} in {count(made.runs, 'run')}"
    click.echo(f"{count(len(made.rows), 'row')} in {one_line(str(output))}, from {looked}.")
    if made.rows and selection.licence is None:
        click.echo("The rows name no licence: say it with --licence, if the questions come from a data set.")
    if made.left_out:
        click.echo("Left out:")
    for reason, times in made.left_out.items():
        click.echo(f"{times:>7,}  {reason}")
