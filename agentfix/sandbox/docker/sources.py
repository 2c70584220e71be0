"""The files that the image of the docker sandbox is made from."""

from __future__ import annotations

import hashlib
import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

_DIRECTORY = importlib.resources.files("agentfix_sandboxes") / "python"
BASE_RECIPE = _DIRECTORY / "base.sh"
"""Makes the base that is used without a registry; no part of the image's own files."""


def image_files() -> dict[str, Traversable]:
    """The files that go into the image, by their path beside the Dockerfile."""
    worker = [file for file in (_DIRECTORY / "worker").iterdir() if file.name.endswith(".py")]
    return {name: _DIRECTORY / name for name in ("Dockerfile", "install.py")} | {
        f"worker/{file.name}": file for file in worker}


def copy_image_files(directory: Path) -> None:
    """Put copies of them into a directory, for the engine to build from."""
    for name, file in image_files().items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(file.read_bytes())


def digest() -> str:
    """SHA-256 of the names and contents of the files that go into the image."""
    whole = hashlib.sha256()
    for name, file in sorted(image_files().items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()
