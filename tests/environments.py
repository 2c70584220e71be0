"""Environments of their own for other people's programs that tests start, because what those need may clash with ours.

`python -m tests.servers` makes them. What the package index does not have is left out, and its tests are skipped.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment by name."""

    name: str
    requirements: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return platformdirs.user_cache_path("agentfix", appauthor=False) / "servers" / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """A program that one of its packages brings."""
        return self.folder / "bin" / name

    @property
    def _receipt(self) -> Path:
        return self.folder / "installed.txt"

    def installed(self) -> bool:
        """Whether it is there, as it is wanted."""
        return self._receipt.is_file() and self._receipt.read_text(encoding="utf-8") == self._wanted()

    def install(self) -> int:
        """Make it anew; returns the exit status of the step that failed, else 0."""
        self._receipt.unlink(missing_ok=True)
        uv = [sys.executable, "-m", "uv"]
        for command in ([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(self.folder)],
                        [*uv, "pip", "install", "-q", "--python", str(self.python), *self.requirements]):
            status = subprocess.run(command, check=False).returncode
            if status:
                return status
        self._receipt.write_text(self._wanted(), encoding="utf-8")
        return 0

    def _wanted(self) -> str:
        return "\n".join((sys.version, *self.requirements))
