"""Fetches a published data set into a folder: its rows as JSON lines, and beside them where they are from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from agentfix.errors import DataSetError, InputError
from agentfix.plugins.contract import described
from agentfix.protocols import DataSource, PublishedDataSet
from agentfix.rows import name_of

Fetch = Callable[[str, int], bytes]
"""Gives the bytes at an address, and no more than so many."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A data set that was fetched."""

    path: Path
    rows: int


def files_of(name: str, folder: Path) -> tuple[Path, Path]:
    """Where the rows of a data set are kept, and where it says where they are from."""
    return folder / f"{name}.jsonl", folder / f"{name}.source.json"


def pull(name: str, data_set: PublishedDataSet, folder: Path, fetch: Fetch) -> Pulled:
    """Fetch a data set. What is there of it from an earlier time is replaced at the end, whole.

    Args:
        name: of the data set.
        data_set: knows where it is published, and what its file holds.
        folder: where it goes; made when it is not there.
        fetch: the download.

    Raises:
        DataSetError: it can't be fetched, or what came is not what was published.
        InputError: there is a file of that name that was not fetched, or the folder can't be written.
    """
    source = data_set.source
    path, note = files_of(name, folder)
    if path.exists() and not note.exists():
        raise InputError(f"{path} is there already, and was not fetched.", "Move it, or choose another --data-dir.")
    content = fetch(source.url, source.most_bytes)
    sha256 = hashlib.sha256(content).hexdigest()
    if source.sha256 and sha256 != source.sha256:
        raise _another(source, f"its SHA-256 is {sha256}, not {source.sha256}")
    rows = _rows(name, data_set, content)
    names = list(rows)
    told = {**asdict(source), "sha256": sha256, "rows": len(rows), "ids": names}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(note, json.dumps(told, indent=1) + "\n")
        _write(path, "".join(f"{row}\n" for row in rows.values()))
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror}.", "Choose another --data-dir.") from error
    return Pulled(path, len(rows))


def _rows(name: str, data_set: PublishedDataSet, content: bytes) -> dict[str, str]:
    """The rows as JSON, by what they are called, each tried with the data set's own reader."""
    source, number = data_set.source, 0
    rows: dict[str, str] = {}
    try:
        for number, row in enumerate(data_set.rows(content), 1):
            data_set.read(row)
            own = name_of(row, name, number - 1)
            if own in rows:
                raise ValueError(f"the id {own!r} is that of an earlier one too")
            rows[own] = json.dumps(row, allow_nan=False)
    except Exception as error:  # a file that is another one makes readers fail in any way
        # What is no ValueError may be the reader's own fault: then the place in it is said.
        why = (str(error) or "ValueError").splitlines()[0] if isinstance(error, ValueError) else described(error)
        raise _another(source, f"row {number}: {why}" if number else why) from error
    if not rows or (source.rows is not None and len(rows) != source.rows):
        raise _another(source, f"it holds {len(rows):,} rows" + (f", not {source.rows:,}" if source.rows else ""))
    return rows


def _another(source: DataSource, why: str) -> DataSetError:
    return DataSetError(f"{source.url} is not what was published: {why}.",
                        "It may have moved: put a copy into a folder and name that with --data-dir.")


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
