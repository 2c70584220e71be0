"""Prefixes on disk: what a model has read of system prompts and examples, for the next process.

One file each, named by what it holds and put in place whole, so that any number of processes may read, write and
clear away at once. Which model, build and tokens it belongs to stands in its head, and a checksum covers the rest:
a file that is not what it should be is a prefix that must be read again, never an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

LEAST_TOKENS = 16
"""A shorter prefix is read about as fast as its file."""
SUFFIX = ".prefix"
ABANDONED_S = 3600
"""A file that was begun so long ago, and not put in place, belongs to a process that died."""


class PrefixStore:
    """The prefixes of one model.

    Args:
        folder: where they are, beside those of other models.
        model: what tells this model, as it is loaded and computed, from every other.
        most_bytes: how much all files in the folder may take; those used longest ago go first.
    """

    def __init__(self, folder: Path, model: str, most_bytes: int) -> None:
        self._folder = folder
        self._model = model
        self._most_bytes = most_bytes
        self._asked_for: set[str] = set()
        """Names of those that are on their way, or can't be kept."""
        self._writer = ThreadPoolExecutor(1, "prefixes")

    def find(self, tokens: Sequence[int], longer_than: int) -> tuple[int, bytes] | None:
        """The longest prefix of these tokens that is kept, if it is longer than that.

        Returns:
            Its length in tokens, and the state that was saved.
        """
        for length in self._lengths():
            if longer_than < length <= len(tokens):
                path = self._path(tokens[:length])
                state = self._read(path, tokens[:length])
                if state is not None:
                    return length, state
        return None

    def wants(self, tokens: Sequence[int]) -> bool:
        """Whether a prefix is worth its place and not kept yet."""
        if len(tokens) < LEAST_TOKENS:
            return False
        path = self._path(tokens)
        return path.name not in self._asked_for and not path.exists()

    def save(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep what the model has read, soon. Where the disk does not take it, nothing is kept."""
        path = self._path(tokens)
        self._asked_for.add(path.name)
        if len(state) <= self._most_bytes:
            with suppress(RuntimeError):  # the program is ending
                self._writer.submit(self._write, path, list(tokens), state)

    def close(self) -> None:
        """Wait until all is kept. May be called twice."""
        self._writer.shutdown()

    def _path(self, tokens: Sequence[int]) -> Path:
        name = hashlib.blake2b(json.dumps([self._model, *tokens]).encode(), digest_size=20).hexdigest()
        return self._folder / f"{name}-{len(tokens)}{SUFFIX}"

    def _lengths(self) -> list[int]:
        """The lengths of all that is kept, longest first."""
        with suppress(OSError):
            parts = [path.stem.rpartition("-")[2] for path in self._folder.glob(f"*{SUFFIX}")]
            return sorted({int(part) for part in parts if part.isdecimal()}, reverse=True)
        return []

    def _head(self, tokens: Sequence[int], state: bytes) -> bytes:
        checksum = hashlib.blake2b(state, digest_size=32).hexdigest()
        return json.dumps({"model": self._model, "tokens": list(tokens), "checksum": checksum}).encode()

    def _read(self, path: Path, tokens: Sequence[int]) -> bytes | None:
        try:
            head, _, state = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if head != self._head(tokens, state):
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # it was used
        return state

    def _write(self, path: Path, tokens: Sequence[int], state: bytes) -> None:
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            begun, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(begun, "wb") as file:
                    file.write(self._head(tokens, state) + b"\n")
                    file.write(state)
                Path(name).replace(path)
                self._asked_for.discard(path.name)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._clear_away()

    def _clear_away(self) -> None:
        """Keep within the bound, and remove what processes that died left behind."""
        left, now = self._most_bytes, time.time()
        files = [(path.stat(), path) for path in self._folder.iterdir()]
        for status, path in sorted(files, key=lambda each: -each[0].st_mtime):
            kept = path.suffix == SUFFIX
            left -= status.st_size
            if left < 0 if kept else now - status.st_mtime > ABANDONED_S:
                path.unlink(missing_ok=True)


def fingerprint(path: Path) -> str:
    """What tells a model file from others, without reading all of it: its size, and 64 samples of its bytes.

    Raises:
        OSError: it can't be read.
    """
    size, samples, length = path.stat().st_size, 64, 65536
    told = hashlib.blake2b(str(size).encode(), digest_size=20)
    with path.open("rb") as file:
        for number in range(samples):
            file.seek(max(0, size - length) * number // (samples - 1))
            told.update(file.read(length))
    return told.hexdigest()
