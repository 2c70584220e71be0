"""Brings files and folders into an index: only what changed is read again."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from agentfix import InputError

from .cutting import cut
from .index import Index, Kept
from .reading import READERS, UnreadableError, read

SETTLED_NS = 2_000_000_000
"""A file that changed so short a time ago may change again without its time telling."""
What: TypeAlias = Literal["added", "replaced", "unchanged", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file."""

    path: Path
    what: What
    passages: int = 0
    problem: str = ""
    """Why it failed. What was indexed of it before stays."""


def add(index: Index, paths: Iterable[Path]) -> Iterator[Change]:
    """Index files, and folders with all below them. What is gone from a folder is removed from the index.

    Args:
        index: what they are added to.
        paths: files of any name; of folders the files that `READERS` names, but no hidden ones.

    Yields:
        What became of each file, as soon as it did.

    Raises:
        InputError: a path leads nowhere; nothing was added then.
    """
    roots = [_absolute(path) for path in paths]
    for root in roots:
        if not root.exists():
            raise InputError(f"There is no file {root}.", f"If it is to leave the corpus: agentfix corpus rm {root}")
    done: set[Path] = set()
    for root in roots:
        for path in _files(root):
            if path not in done:
                done.add(path)
                yield _add_file(index, path)
        if root.is_dir():
            yield from _forget_missing(index, root)


def remove(index: Index, path: Path) -> Iterator[Change]:
    """Forget a file, or all below a folder, whether it still exists or not.

    Raises:
        InputError: nothing of it is indexed.
    """
    root = _absolute(path)
    found = [kept for kept in index.files() if kept.path.is_relative_to(root)]
    if not found:
        raise InputError(f"Nothing of {root} is in the corpus.", "See: agentfix corpus list")
    for kept in found:
        index.remove(kept.path)
        yield Change(kept.path, "removed", kept.passages)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - a link keeps its name, `..` goes


def _files(root: Path) -> Iterator[Path]:
    """A file itself; of a folder, what can be read, in order."""
    if not root.is_dir():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix.lower() in READERS:
                yield path


def _forget_missing(index: Index, root: Path) -> Iterator[Change]:
    for kept in index.files():
        if kept.path.is_relative_to(root) and not kept.path.exists():
            index.remove(kept.path)
            yield Change(kept.path, "removed", kept.passages)


def _add_file(index: Index, path: Path) -> Change:
    try:
        str(path).encode()
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Change(path, "failed", problem="it is no file")
        return _update(index, path, status)
    except UnicodeEncodeError:
        return Change(path, "failed", problem="its name is not UTF-8")
    except OSError as error:
        return Change(path, "failed", problem=error.strerror or str(error))
    except UnreadableError as error:
        return Change(path, "failed", problem=str(error))


def _update(index: Index, path: Path, status: os.stat_result) -> Change:
    before = index.kept(path)
    if before and (before.size_bytes, before.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return Change(path, "unchanged", before.passages)
    settled = time.time_ns() - status.st_mtime_ns > SETTLED_NS
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
    now = Kept(path, status.st_size, status.st_mtime_ns if settled else 0, digest)
    if before and before.sha256 == digest:
        index.touch(now)
        return Change(path, "unchanged", before.passages)
    pieces = (piece for section in read(path) for piece in cut(section))
    return Change(path, "replaced" if before else "added", index.put(now, pieces))
