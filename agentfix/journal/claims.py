"""Which runs are under way, told to other processes by locks that end with their holder."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agentfix.journal.shelf import under_way, under_way_here

try:
    import fcntl
except ImportError:  # Windows: nothing is claimed there
    fcntl = None


class Claims:
    """Locks on single bytes of one file, a byte for each run.

    Args:
        journal: the journal's file; the locks are in a file beside it.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}-running")
        self._lock = threading.Lock()
        self._file: int | None = None
        self._held = set[str]()
        """Those of this process, to which its own locks are as good as none."""

    @contextmanager
    def of(self, run: str) -> Generator[None]:
        """Claim a run for this process, and only for as long as it lives.

        Raises:
            RunUnderWayError: another process has claimed it, or this one.
        """
        if run in self._held:
            raise under_way_here(run)
        if not self._try(run):
            raise under_way(run)
        self._held.add(run)
        try:
            yield
        finally:
            self._held.discard(run)
            self._free(run)

    def held_elsewhere(self, run: str) -> bool:
        """Whether another process is at work on a run."""
        if run in self._held:
            return False
        if not self._try(run):
            return True
        self._free(run)
        return False

    def close(self) -> None:
        """Give up what is claimed. May be called twice."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _try(self, run: str) -> bool:
        if fcntl is None:
            return True
        with self._lock:
            try:
                if self._file is None:
                    self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:  # a folder that can't be written: the journal says so itself
                return True
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(run))
            except OSError:
                return False
        return True

    def _free(self, run: str) -> None:
        with self._lock:
            if fcntl is not None and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(run))


def _byte(run: str) -> int:
    return int.from_bytes(hashlib.sha256(run.encode("utf-8", "surrogatepass")).digest()[:7], "big")
