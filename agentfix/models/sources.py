"""What a source of model files is, and the checks that every source and the catalogue share."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agentfix.errors import CatalogueError
from agentfix.models.entries import ModelFile

SPARE_BYTES = 256 * 1024 * 1024
"""Left free on the disk, and room for one package on its way."""

Report = Callable[[int, int, str], None]
"""Told after each piece: bytes there, bytes in all, a note for people."""


class Source(Protocol):
    """A place that model files come from."""

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def suffix(self) -> str:
        """Ends the name of its unfinished files, so that sources don't mix their pieces."""
        ...

    def fetch(self, file: ModelFile, part: Path, report: Report) -> str | None:
        """Write the whole file to `part`, going on from what an earlier call left there.

        Args:
            file: what to fetch.
            part: the unfinished file; kept when the call fails or is interrupted, so that another can go on.
            report: told how far it is; what it raises stops the call.

        Returns:
            The SHA-256 that the source states for the file, if it does.

        Raises:
            CatalogueError: it can't be had here, and why.
        """
        ...


def free_bytes(directory: Path) -> int:
    """What can still be written to the disk of a folder."""
    return shutil.disk_usage(directory).free


def require_space(directory: Path, needed_bytes: int, free: Callable[[Path], int]) -> None:
    """Refuse to begin what can't be finished.

    Raises:
        CatalogueError: fewer than `needed_bytes` and something to spare are free.
    """
    there = free(directory)
    if there < needed_bytes + SPARE_BYTES:
        raise CatalogueError(
            f"The disk of {str(directory)!r} has {megabytes(there)} free; {megabytes(needed_bytes)} are needed, "
            f"and {megabytes(SPARE_BYTES)} to spare.", "Free some space, or set data_dir to a folder on another disk.")


def require_official(path: Path, size_bytes: int | None, sha256: str | None) -> None:
    """Hold a file against what is known of it.

    Raises:
        CatalogueError: size, SHA-256 or the GGUF magic number is wrong.
    """
    size = path.stat().st_size
    if size_bytes is not None and size != size_bytes:
        raise CatalogueError(f"The file has {size} bytes instead of {size_bytes}.")
    with path.open("rb") as stream:
        if sha256 is None and stream.read(4) != b"GGUF":
            raise CatalogueError("The file is not a GGUF file.")
        got = hashlib.file_digest(stream, "sha256").hexdigest() if sha256 else None
    if got != sha256:
        raise CatalogueError(f"The file's SHA-256 is {got} instead of the expected {sha256}.")


def megabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1e6:,.0f} MB"
