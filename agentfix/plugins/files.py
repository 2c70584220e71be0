"""Loads a plugin from a file or a folder that is not installed.

Such a module gets a private name, and its folder is not put on sys.path: a file `json.py` must not stand in for the
real one. So the files of a package import one another relatively (`from .tool import ...`).
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tomllib
from hashlib import sha256
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from agentfix.errors import ConfigError

GROUP = "agentfix"


def load_file(path: Path) -> ModuleType:
    """Run a file, or a package's `__init__.py`, as a module of a private name.

    Args:
        path: the file, or the package's folder.

    Raises:
        BaseException: whatever it raises.
    """
    name = _private_name(path)
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    file, within = (path / "__init__.py", [str(path)]) if path.is_dir() else (path, None)
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=within)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def is_project(path: Path) -> bool:
    """Whether a folder holds a package that could be installed as a plugin."""
    return (path / "pyproject.toml").is_file()


def entry_points_of(project: Path) -> list[EntryPoint]:
    """The plugins that a project would register if it were installed.

    Raises:
        ConfigError: its pyproject.toml can't be read, or names none.
    """
    file = project / "pyproject.toml"
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} can't be read: {error}.", "Mend it.") from error
    points: Any = said
    for key in ("project", "entry-points", GROUP):
        points = cast("dict[str, Any]", points).get(key, {}) if isinstance(points, dict) else {}
    if not isinstance(points, dict) or not points:
        raise ConfigError(f"{file} names no plugin.", f"Add the table [project.entry-points.{GROUP}].")
    return [EntryPoint(str(name), str(value), GROUP) for name, value in cast("dict[Any, Any]", points).items()]


def load_of_project(project: Path, point: EntryPoint) -> object:
    """Import a plugin from a project's source; what is installed under the same name is not used.

    Raises:
        BaseException: whatever it raises.
    """
    root = str((project / "src" if (project / "src").is_dir() else project).resolve())
    if root not in sys.path:
        sys.path.insert(0, root)
    return load_point(point)


def load_point(point: EntryPoint) -> object:
    """Import what an entry point names.

    Raises:
        BaseException: whatever it raises.
    """
    if EntryPoint.pattern.match(point.value) is None:
        raise ImportError(f"{point.value!r} is no MODULE or MODULE:OBJECT")
    return point.load()


def _private_name(path: Path) -> str:
    stem, whole = re.sub(r"\W", "_", path.stem), os.path.realpath(path)
    return f"_agentfix_plugin_{stem}_{sha256(whole.encode()).hexdigest()[:8]}"
