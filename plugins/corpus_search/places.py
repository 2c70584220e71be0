"""Where a corpus is kept, by its name or by the files it is made of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from agentfix import AgentFixError, InputError, Settings

from .adding import absolute, leads_somewhere
from .index import VERSION

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """A corpus: its index file, and what keeps it up to date."""

    name: str
    index: Path
    source: Path | None = None
    """The file or folder that it is made of; None for one that is filled with `agentfix corpus add`."""


def named(name: str, settings: Settings) -> Place:
    """The corpus of a name, whether it exists or not.

    Raises:
        InputError: a corpus can't be named so.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"A corpus can't be named {name!r}.", "Use letters, digits, - and _.")
    return Place(name, _folder(settings) / f"{name}.sqlite")


def chosen(settings: Settings) -> Place:
    """The corpus that `settings.corpus` tells: by name, or else by the path of a file or folder.

    Raises:
        InputError: there is neither.
    """
    told = settings.corpus
    if _NAME.fullmatch(told):
        place = named(told, settings)
        if told == DEFAULT or place.index.exists():
            return place
    source = absolute(Path(told))
    if not told or not leads_somewhere(source):
        known = ", ".join(names(settings)) or "none"
        raise InputError(f"There is no corpus and no file {told!r}.",
                         f"Known corpora: {known}. Make one with: agentfix corpus add PATH --corpus NAME")
    key = hashlib.sha256(f"{VERSION} {source}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Place(told, _folder(settings) / "of-paths" / f"{key}.sqlite", source)


def names(settings: Settings) -> list[str]:
    """The corpora that exist."""
    return sorted(path.stem for path in _folder(settings).glob("*.sqlite"))


def delete(place: Place) -> None:
    """Delete the index of a corpus.

    Raises:
        AgentFixError: it can't be deleted.
    """
    try:
        for ending in ("", "-wal", "-shm"):
            place.index.with_name(place.index.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise AgentFixError(f"{place.index} can't be deleted: {error.strerror}.", "Look at its permissions.") from error


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "corpora"
