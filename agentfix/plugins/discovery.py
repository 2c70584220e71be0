"""Where plugins are: installed packages, the project's `plugins` folder, and what `--plugin` names.

First come agentfix's own, then other installed packages by name, then the project's folder, then what was named: a name
belongs to the first that has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from agentfix.errors import ConfigError
from agentfix.plugins.files import GROUP, entry_points_of, is_project, load_file, load_of_project, load_point
from agentfix.settings import Settings

Origin: TypeAlias = Literal["first-party", "installed", "project", "named", "given"]
"""`first-party`: comes with agentfix. `project`: lies in the `plugins` folder. `named`: by the setting `plugins` or
`--plugin`. `given`: handed over by the program."""
OWN_PACKAGE = "agentfix"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that was found and is not loaded yet."""

    name: str
    source: str
    """The module, file or object that it is."""
    origin: Origin
    load: Callable[[], object]
    package: str = ""
    """What was installed, with its version."""


def discover(settings: Settings, *, installed: bool = True) -> Iterator[Found]:
    """All plugins, each once, in the order in which names are given away. Nothing is imported.

    Args:
        settings: name plugins, and the project's folder.
        installed: whether installed packages are looked at.

    Raises:
        ConfigError: a plugin is named that there is not.
    """
    seen: set[tuple[str, str]] = set()
    for found in _everywhere(settings, installed=installed):
        key = found.name, os.path.realpath(found.source)
        if key not in seen:
            seen.add(key)
            yield found


def _everywhere(settings: Settings, *, installed: bool) -> Iterator[Found]:
    if installed:
        yield from sorted(map(_installed, entry_points(group=GROUP)), key=lambda f: (f.origin != "first-party", f.name))
    if settings.plugins_dir is not None:
        yield from in_folder(settings.plugins_dir, "project")
    for target in settings.plugins:
        yield from named(target)


def find(target: str) -> list[Found]:
    """The plugin that is installed under a name, or else what `--plugin TARGET` means.

    Raises:
        ConfigError: there is no such thing.
    """
    return [_installed(point) for point in entry_points(group=GROUP, name=target)][:1] or named(target)


def named(target: str) -> list[Found]:
    """What `--plugin TARGET` means: a file, a module, a package's folder, a project's, or a folder of plugins.

    Raises:
        ConfigError: there is no such thing.
    """
    if not target.strip():
        raise ConfigError("A plugin's name is empty.", "Name a file, a folder or a module.")
    if not is_path(target):
        if not _importable(target):
            near = next((near for near in (f"./{target}", f"./{target}.py") if _is_there(Path(near))), "")
            raise ConfigError(f"There is no plugin {target!r}: no module has that name.",
                              f"Did you mean {near}?" if near else "A file is named by its path.")
        return [Found(target, target, "named", partial(import_module, target))]
    path = Path(os.path.expanduser(target))  # noqa: PTH111 - it leaves ~NAME alone where there is no such user
    if not _is_there(path):
        raise ConfigError(f"There is no plugin {target!r}: nothing is there.")
    if path.is_dir() and is_project(path):
        return [_of_project(path, point) for point in entry_points_of(path)]
    if path.is_dir() and not (path / "__init__.py").is_file():
        found = list(in_folder(path, "named"))
        if not found:
            raise ConfigError(f"There is no plugin in {target!r}.",
                              "A plugin's folder has an __init__.py, a pyproject.toml, or files of Python.")
        return found
    if path.is_file() and path.suffix != ".py":
        is_packed = path.suffix in (".whl", ".zip", ".gz")
        raise ConfigError(f"{target!r} can't be used as a plugin: it is no Python file.",
                          "Install it, with pip install." if is_packed else "Its name must end in .py.")
    return [_file(path, "named")]


def in_folder(folder: Path, origin: Origin) -> Iterator[Found]:
    """The Python files and packages of a folder, by name; what begins with `_` or `.` is left out.

    Raises:
        ConfigError: the folder can't be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"The folder of plugins {folder} can't be read: {error.strerror}.", "Mend its path or its "
                                                                                              "permissions.") from error
    for path in paths:
        if not path.name.startswith(("_", ".")) and (path.suffix == ".py" or (path / "__init__.py").is_file()):
            yield _file(path, origin)


def is_path(target: str) -> bool:
    """Whether a target names a file or folder, and no module."""
    return target.endswith(".py") or os.sep in target or "/" in target or target in (".", "..")


def _installed(point: EntryPoint) -> Found:
    package, version = (point.dist.name, point.dist.version) if point.dist is not None else ("", "")
    origin: Origin = "first-party" if package == OWN_PACKAGE else "installed"
    return Found(point.name, point.value, origin, partial(load_point, point), f"{package} {version}".strip())


def _file(path: Path, origin: Origin) -> Found:
    return Found(Path(os.path.realpath(path)).stem, str(path), origin, partial(load_file, path))


def _of_project(path: Path, point: EntryPoint) -> Found:
    return Found(point.name, str(path), "named", partial(load_of_project, path, point))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for any file
        return False


def _importable(module: str) -> bool:
    """Whether there is such a module, as far as can be told without running any of it."""
    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False
