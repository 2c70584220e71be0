"""How much a working folder may grow by what tools write there."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from agentfix import ToolError

MAX_BYTES = 100_000_000
MAX_FILES = 2_000


@dataclass(eq=False)
class Growth:
    """Counts, for each folder, what was added to it since this process began."""

    lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    """Held for a whole act, so that what was there before it is what it replaced."""
    _added: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]], init=False)

    def require(self, folder: Path, size_bytes: int, files: int) -> None:
        """Raise ToolError when so much more is too much. Less than nothing is always allowed."""
        held_bytes, held_files = self._added.get(folder, (0, 0))
        if size_bytes > 0 and held_bytes + size_bytes > MAX_BYTES:
            raise ToolError(f"The working folder may grow by {MAX_BYTES} bytes; there is no room for more.",
                            status="refused")
        if files > 0 and held_files + files > MAX_FILES:
            raise ToolError(f"{MAX_FILES} files may be added to the working folder; no more are.", status="refused")

    def add(self, folder: Path, size_bytes: int, files: int) -> None:
        """Count it; negative for what was taken away."""
        held_bytes, held_files = self._added.get(folder, (0, 0))
        self._added[folder] = (held_bytes + size_bytes, held_files + files)
