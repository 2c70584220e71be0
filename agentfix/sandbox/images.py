"""Makes the image of the docker sandbox: from a registry's Python image, or from Debian packages without one."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from agentfix.errors import SandboxError, SandboxUnavailableError
from agentfix.sandbox.engine import Engine, image_reference, open_engine
from agentfix.sandbox.output import one_line
from agentfix.sandbox.sources import IMAGE_FILES, copy_file

DEFAULT_BASE = "python:3.12-slim"
OFFLINE_BASE = "agentfix-base"
OFFLINE_PYTHON = "3.11"
"""The Python of the Debian release that base.sh takes its packages from."""
DEFAULT_PACKAGES = ("numpy", "sympy", "pytest")


def build_image(image: str, *, base: str | None = None, packages: Sequence[str] = DEFAULT_PACKAGES,
                offline: bool = False, log: Callable[[str], None]) -> None:
    """Make the sandbox image.

    Args:
        image: the name to give it.
        base: the image it stands on; `python:3.12-slim`, or with `offline` one that is made here.
        packages: what programs can import besides the standard library, as pip requirements.
        offline: no registry: the base is made with mmdebstrap where it is missing, and wheels are fetched on the host.
        log: is given each line of progress.

    Raises:
        ConfigError: a name is no image reference.
        SandboxUnavailableError: there is no engine, or a program that is needed is not installed.
        SandboxError: a step failed.
    """
    for name in (image, base or DEFAULT_BASE):
        image_reference(name)
    with open_engine() as engine, tempfile.TemporaryDirectory(prefix="agentfix-image-") as directory:
        context = Path(directory) / "context"
        context.mkdir()
        for name in IMAGE_FILES:
            copy_file(name, context)
        if offline:
            base = base or _offline_base(engine, Path(directory), log)
            _fetch_wheels(packages, context, log)
        _build(engine, context, image, base or DEFAULT_BASE, packages, offline, log)


def _build(engine: Engine, context: Path, image: str, base: str, packages: Sequence[str], offline: bool,
           log: Callable[[str], None]) -> None:
    arguments = {"BASE": base, "PACKAGES": " ".join(packages), "OFFLINE": "1" if offline else ""}
    try:
        engine.build(context, image, arguments, network="none" if offline else None, log=log)
    except SandboxError as error:
        if not offline:
            error.hint = "Without a registry or a package index that containers reach: agentfix sandbox build --offline"
        raise


def _offline_base(engine: Engine, directory: Path, log: Callable[[str], None]) -> str:
    if engine.has_image(OFFLINE_BASE):
        return OFFLINE_BASE
    if shutil.which("mmdebstrap") is None:
        raise SandboxUnavailableError("The base image can't be made: mmdebstrap is not installed.",
                                      "Install it: sudo apt-get install mmdebstrap")
    log(f"Making {OFFLINE_BASE} from Debian packages")
    copy_file("base.sh", directory)
    archive = directory / "base.tar"
    _call(["sh", str(directory / "base.sh"), str(archive)], "The base image could not be made")
    engine.import_image(archive, OFFLINE_BASE)
    return OFFLINE_BASE


def _fetch_wheels(packages: Sequence[str], context: Path, log: Callable[[str], None]) -> None:
    """Put the wheels, and pip itself, beside the Dockerfile; for the base's Python, whatever this one is."""
    log(f"Fetching wheels of {', '.join(packages)}")
    machine = platform.machine()
    platforms = [f"--platform={name}_{machine}" for name in (
        "manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")]
    _call([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--implementation=cp",
           f"--python-version={OFFLINE_PYTHON}", *platforms, f"--dest={context}", "--", "pip", *packages],
          "The wheels could not be fetched")


def _call(command: Sequence[str], complaint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.strip()][-3:]
        raise SandboxError(f"{complaint}: {one_line(' '.join(last), 500) or f'status {done.returncode}'}.")
