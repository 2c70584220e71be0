"""Looks at the machine: Python, processors, memory, compiler, folder and disk."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from agentfix.doctor.finding import Finding
from agentfix.settings import Settings

OLDEST_PYTHON = (3, 11)
COMPILERS = ("c++", "g++", "clang++")
COMFORTABLE_BYTES = 3 * 10**9
"""For the default model, its context, a sandbox image and the journal."""


def check_python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """Python's version."""
    text = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return Finding("python", "broken", f"{text} is too old", "Install Python 3.11 or later.")
    return Finding("python", "ok", f"{text}, {sys.executable}")


def check_hardware() -> Finding:
    """Processors and memory, for the reader."""
    cores = f"{os.cpu_count() or 1} CPU cores"
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB of memory"
    except (AttributeError, ValueError, OSError):
        memory = "memory unknown"
    return Finding("hardware", "ok", f"{cores}, {memory}")


def check_compiler() -> Finding:
    """A C++ compiler."""
    for name in COMPILERS:
        if path := shutil.which(name):
            return Finding("C++ compiler", "ok", path)
    mends = {"darwin": "xcode-select --install", "win32": "Install the Visual Studio Build Tools with C++."}
    return Finding("C++ compiler", "missing", f"none of {', '.join(COMPILERS)}; building llama-cpp-python needs one",
                   mends.get(sys.platform, "sudo apt-get install g++   (Debian and Ubuntu)"))


def check_data_folder(settings: Settings) -> Finding:
    """Whether journal and models can be written."""
    place = _existing(settings.data_dir)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("data folder", "broken", f"{str(settings.data_dir)!r} can't be written: {error.strerror}",
                       "Set AGENTFIX_DATA_DIR to a folder that can be written.")
    return Finding("data folder", "ok", str(settings.data_dir))


def check_disk(settings: Settings) -> Finding:
    """Free space where models and journal are kept."""
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    detail = f"{free / 1e9:,.1f} GB free"
    if free < COMFORTABLE_BYTES:
        return Finding("disk", "missing", f"{detail}; {COMFORTABLE_BYTES / 1e9:g} GB are comfortable",
                       "Free some space, or set AGENTFIX_DATA_DIR to a folder on another disk.")
    return Finding("disk", "ok", detail)


def _existing(folder: Path) -> Path:
    """The folder or the nearest one above it that is there."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
