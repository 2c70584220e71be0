"""Brings files and folders into an index: only what changed is read again."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from agentfix import InputError

from .cutting import Piece, cut
from .index import Index, Kept
from .reading import READERS, UnreadableError, read

SETTLED_NS = 2_000_000_000
"""A file that changed so short a time ago may change again without its time telling."""
WATCHED = 1000
"""Progress is told every so many passages."""
Watch: TypeAlias = Callable[[Path, int], None]
What: TypeAlias = Literal["added", "replaced", "unchanged", "removed", "passed over", "failed"]
"""Files of other formats are passed over in folders."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file."""

    path: Path
    what: What
    passages: int = 0
    """What the corpus has of it, or had when it was removed. What fails stays as it was indexed before."""
    problem: str = ""
    """Why it failed."""


def existing(paths: Iterable[Path]) -> list[Path]:
    """The paths made absolute.

    Raises:
        InputError: one leads nowhere.
    """
    roots = [absolute(path) for path in paths]
    for root in roots:
        if not leads_somewhere(root):
            raise InputError(f"There is no file {root}.", "What is gone leaves a corpus with: agentfix corpus rm PATH")
    return roots


def add(index: Index, roots: Iterable[Path], watch: Watch | None = None) -> Iterator[Change]:
    """Index files, and folders with all below them. What is gone from a folder is removed from the index.

    Args:
        index: what they are added to.
        roots: of `existing`: files of any name; of folders the files that `READERS` names, but no hidden ones.
        watch: told now and then which file is read, and how many passages it gave so far.

    Yields:
        What became of each file, as soon as it did.

    Raises:
        AgentFixError: the index can't be written.
    """
    done: set[Path] = set()
    for root in roots:
        for path in _files(root):
            if path in done:
                continue
            done.add(path)
            readable = path == root or path.suffix.lower() in READERS
            yield _add_file(index, path, watch) if readable else Change(path, "passed over")
        if root.is_dir():
            yield from _forget_missing(index, root)


def remove(index: Index, path: Path) -> Iterator[Change]:
    """Forget a file, or all below a folder, whether it still exists or not.

    Raises:
        InputError: nothing of it is indexed.
    """
    root = absolute(path)
    found = [kept for kept in index.files() if kept.path.is_relative_to(root)]
    if not found:
        raise InputError(f"Nothing of {root} is in the corpus.", "See: agentfix corpus list")
    for kept in found:
        index.remove(kept.path)
        yield Change(kept.path, "removed", kept.passages)


def absolute(path: Path) -> Path:
    """The whole path, without `~` and `..`. A link keeps its name."""
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - pathlib resolves links, or raises


def leads_somewhere(path: Path) -> bool:
    """Whether there is something at a path that can be seen; of no path an error."""
    return os.path.exists(path)  # noqa: PTH110 - pathlib raises for some paths


def _files(root: Path) -> Iterator[Path]:
    """A file itself; of a folder, all below it that is not hidden, in order."""
    if not root.is_dir():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder, name)


def _forget_missing(index: Index, root: Path) -> Iterator[Change]:
    for kept in index.files():
        if kept.path.is_relative_to(root) and not leads_somewhere(kept.path):
            index.remove(kept.path)
            yield Change(kept.path, "removed", kept.passages)


def _add_file(index: Index, path: Path, watch: Watch | None) -> Change:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return Change(path, "failed", problem="its name is not UTF-8")
    before = index.kept(path)
    try:
        return _update(index, path, before, watch)
    except OSError as error:
        problem = error.strerror or str(error)
    except UnreadableError as error:
        problem = str(error)
    return Change(path, "failed", before.passages if before else 0, problem)


def _update(index: Index, path: Path, before: Kept | None, watch: Watch | None) -> Change:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("it is no file")
    if before and (before.size_bytes, before.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return Change(path, "unchanged", before.passages)
    settled = time.time_ns() - status.st_mtime_ns > SETTLED_NS
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
    now = Kept(path, status.st_size, status.st_mtime_ns if settled else 0, digest)
    if before and before.sha256 == digest:
        index.touch(now)
        return Change(path, "unchanged", before.passages)
    return Change(path, "replaced" if before else "added", index.put(now, _pieces(path, watch)))


def _pieces(path: Path, watch: Watch | None) -> Iterator[Piece]:
    pieces = (piece for section in read(path) for piece in cut(section))
    for number, piece in enumerate(pieces):
        if watch is not None and number % WATCHED == 0:
            watch(path, number)
        yield piece
