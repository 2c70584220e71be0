"""The files that the image of the docker sandbox is made from, and how an image made from older ones is told."""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path

IMAGE_FILES = ("Dockerfile",)
_DIRECTORY = importlib.resources.files("agentfix_sandboxes") / "python"


def copy_file(name: str, directory: Path) -> None:
    """Put a copy of one of the files of `sandboxes/python` into a directory."""
    (directory / name).write_bytes((_DIRECTORY / name).read_bytes())


def digest() -> str:
    """SHA-256 of the files that go into the image."""
    whole = hashlib.sha256()
    for name in IMAGE_FILES:
        whole.update(hashlib.sha256((_DIRECTORY / name).read_bytes()).digest())
    return whole.hexdigest()
