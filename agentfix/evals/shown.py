"""What may be put in front of a model besides the item itself: the texts of agentfix and of all plugins in use.

Read as text from the files, so nothing of a plugin is run. Not covered: what is made only while a run goes on, such as
the descriptions of an MCP server's tools and what a search finds.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from agentfix.plugins import PluginInfo, Plugins
from agentfix.plugins.discovery import is_path
from agentfix.plugins.files import is_project

_TEXTS = frozenset({".jinja", ".jinja2", ".j2", ".prompt", ".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".toml"})
_NOT_SHIPPED = frozenset({"tests", "test", "docs", "build", "dist", "venv"})
"""Folders of a project's source that are not part of its package."""
_LONGEST_BYTES = 1_000_000
"""A file above it is data of a tool, and no prompt."""
_ENGINE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Shown:
    """Texts that belong together: all that one file, or one lesson, may show to a model."""

    place: str
    """The file, or what else says where it is."""
    plugin: str
    parts: tuple[tuple[int, str], ...]
    """Line and text, in order: what stands in several parts may be shown as one text."""


def shown_by(plugins: Plugins) -> Iterator[Shown]:
    """The texts of all plugins in use and of agentfix itself, file by file.

    Templates and other text files are read whole, but for README files. Of Python files all string constants are read:
    prompts, examples, and docstrings, which tools show to models.

    Args:
        plugins: those that are broken or left out show nothing.
    """
    seen: set[str] = set()
    for info in plugins.infos():
        root = None if info.problem or info.disabled else _root(info, plugins)
        if root is not None:
            yield from _shown_in(root, info.name, seen)
    yield from _shown_in(_ENGINE, "agentfix", seen)


def _shown_in(root: Path, plugin: str, seen: set[str]) -> Iterator[Shown]:
    for file in _files(root):
        real = os.path.realpath(file)
        if real in seen:
            continue
        seen.add(real)
        parts = _parts(file)
        if parts:
            yield Shown(str(file), plugin, parts)


def _root(info: PluginInfo, plugins: Plugins) -> Path | None:
    """The folder or file that holds what a plugin consists of."""
    if info.origin == "given":
        plugin = plugins.extra[info.name]
        name = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        return _home(name, alone=True)
    if is_path(info.source):
        return Path(os.path.expanduser(info.source))  # noqa: PTH111 - as agentfix.plugins.discovery finds it
    return _home(info.source.partition(":")[0], alone=False)


def _home(name: str, *, alone: bool) -> Path | None:
    """Where a module lies: a package's folder. A module's file, when it stands alone or is in no package."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return None
    path = Path(file)
    return path.parent if path.name == "__init__.py" or ("." in name and not alone) else path


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    source = is_project(root)
    if source and (root / "src").is_dir():
        root, source = root / "src", False
    for folder, folders, names in os.walk(root):
        left_out = _NOT_SHIPPED if source and Path(folder) == root else frozenset[str]()
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")) and f not in left_out)
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix == ".py" or (path.suffix in _TEXTS and not name.startswith("README")):
                yield path


def _parts(file: Path) -> tuple[tuple[int, str], ...]:
    try:
        if file.stat().st_size > _LONGEST_BYTES:
            return ()
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a file that can't be read can't be shown either
        return ()
    if file.suffix == ".py":
        try:
            return tuple(_constants(text))
        except (SyntaxError, ValueError, RecursionError):
            pass
    return ((1, text),)


def _constants(source: str) -> Iterator[tuple[int, str]]:
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node.value, str) and node.value:
            yield node.lineno, node.value
