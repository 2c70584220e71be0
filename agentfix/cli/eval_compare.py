"""`agentfix eval --compare`: two evaluations beside each other, from what --output kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agentfix.cli.eval_table import percent, points, show
from agentfix.cli.visible import one_line
from agentfix.errors import InputError
from agentfix.evals import Comparison, Record, compared, other_row, stored

_SHOWN_IDS = 20


def compare(paths: tuple[Path, Path], strategies: Sequence[str], *, seed: int, as_json: bool) -> None:
    """Print how two evaluations differ on the items that both have run.

    Args:
        paths: their files.
        strategies: one name is looked at in both; of two, the first is of the first file and the second of the other;
            none stands for all that both have, or for the only one of each.
        seed: of the bootstrap.
        as_json: print one JSON object.

    Raises:
        InputError: a file is none of an evaluation, or they have nothing in common.
    """
    (header, records), (other_header, other_records) = (stored(path, Record) for path in paths)
    if header.get("data") != other_header.get("data"):
        raise InputError(f"{paths[0]} is of the data set {header.get('data')!r}, {paths[1]} of "
                         f"{other_header.get('data')!r}.", "Compare evaluations of the same items.")
    digests = {record.item: record.digest for record in records}
    for record in other_records:
        if other_row(record.digest, digests.get(record.item, "")):
            raise InputError(f"{record.item!r} is one row in {paths[0]} and another in {paths[1]}.",
                             "Compare evaluations of the same items.")
    found: list[Comparison] = []
    for names in _pairs(strategies, records, other_records, paths):
        mine = [record for record in sorted(records, key=_row) if record.strategy == names[0]]
        other = [record for record in other_records if record.strategy == names[1]]
        if (made := compared(mine, other, names, seed=seed)) is not None:
            found.append(made)
    if not found:
        raise InputError(f"{paths[0]} and {paths[1]} have no item in common.")
    if as_json:
        click.echo(json.dumps({"runs": [{"file": str(path), **each} for path, each in
                                        zip(paths, (header, other_header), strict=True)],
                               "comparisons": [asdict(comparison) for comparison in found]}))
        return
    _show(found, paths, (header, other_header))


def _row(record: Record) -> tuple[int, int, str]:
    """An order that does not tell which was finished first: that of the rows, as seeds follow them."""
    return record.repeat, record.seed, record.item


def _pairs(strategies: Sequence[str], records: Sequence[Record], other_records: Sequence[Record],
           paths: tuple[Path, Path]) -> list[tuple[str, str]]:
    mine, other = (list(dict.fromkeys(record.strategy for record in each)) for each in (records, other_records))
    if strategies:
        wanted = [(strategies[0], strategies[-1])]
    elif both := [(name, name) for name in mine if name in other]:
        wanted = both
    elif len(mine) == len(other) == 1:
        wanted = [(mine[0], other[0])]
    else:
        raise InputError(f"{paths[0]} has {_listed(mine)}, {paths[1]} has {_listed(other)}: nothing has the same name.",
                         "Name one of each with --strategy, twice.")
    for path, name, known in ((paths[0], wanted[0][0], mine), (paths[1], wanted[0][1], other)):
        if name not in known:
            raise InputError(f"{path} has no results of {name!r}, only of {_listed(known)}.")
    return wanted


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no results"


def _show(found: Sequence[Comparison], paths: tuple[Path, Path], headers: tuple[Mapping[str, Any], ...]) -> None:
    for letter, path, header in zip("AB", paths, headers, strict=True):
        click.echo(one_line(f"{letter}: {path}, " + ", ".join(
            f"{key} {value}" for key, value in header.items() if value not in (None, False, [], ""))))
    click.echo()
    heads = [one_line(c.strategy if c.strategy == c.against else f"{c.strategy}, {c.against}") for c in found]
    rows = [
        ("items", [f"{c.items}" for c in found]),
        ("runs", [f"{c.runs}" for c in found]),
        ("A right", [percent(c.accuracy) for c in found]),
        ("B right", [percent(c.against_accuracy) for c in found]),
        ("A over B", [points(c.difference, c.items) for c in found]),
        ("right in A only", [f"{len(c.only)}" for c in found]),
        ("right in B only", [f"{len(c.only_against)}" for c in found]),
        ("McNemar p", [f"{c.mcnemar_p:.3g}" for c in found]),
        ("completion tokens", [f"{c.completion_tokens:,.0f}, {c.against_completion_tokens:,.0f}" for c in found]),
        ("all tokens", [f"{c.tokens:,.0f}, {c.against_tokens:,.0f}" for c in found]),
    ]
    show([["", *heads], *([name, *cells] for name, cells in rows)])
    for head, comparison in zip(heads, found, strict=True):
        for letter, ids in (("A", comparison.only), ("B", comparison.only_against)):
            if ids:
                more = f", ... {len(ids) - _SHOWN_IDS} more, all with --json" if len(ids) > _SHOWN_IDS else ""
                named = ", ".join(f"{item}#{repeat}" if repeat else item for item, repeat in ids[:_SHOWN_IDS])
                click.echo(one_line(f"{head}, right in {letter} only: {named}{more}"))
