"""Writes a small, complete plugin package to begin with: a tool, a critic, tests, a README, a workflow for CI."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from agentfix.errors import InputError
from agentfix.hookspecs import API_VERSION

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
MOST_CHARS = 40
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/tests.yml": "workflow.yml",
    "src/{module}/__init__.py": "init.py",
    "src/{module}/tool.py": "tool.py",
    "src/{module}/critic.py": "critic.py",
    "tests/test_tool.py": "test_tool.py",
    "tests/test_critic.py": "test_critic.py",
    "tests/test_plugin.py": "test_plugin.py",
}
"""Each file, and what it is made of."""


def write_plugin(name: str, folder: Path, taken: Collection[str]) -> list[Path]:
    """Write a plugin's package into a new folder.

    Args:
        name: of the plugin: lower-case words with `-` or `_` between them.
        folder: where to; it must not be there yet.
        taken: names that plugins and tools have already.

    Returns:
        The files that were written.

    Raises:
        InputError: the name can't be used, the folder is there already, or can't be written.
    """
    _require_name(name, taken)
    if folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} is there already.", "Choose another name, or remove it.")
    tool = name.replace("-", "_")
    module = f"agentfix_{tool}"
    words = {"name": name, "tool": tool, "module": module, "critic": f"{name.replace('_', '-')}-critic",
             "package": f"agentfix-{name.replace('_', '-')}", "api": API_VERSION, "agentfix": version("agentfix")}
    templates = Environment(loader=PackageLoader("agentfix.plugins", "template"), undefined=StrictUndefined,
                            keep_trailing_newline=True, autoescape=False)
    written: list[Path] = []
    try:
        for path, template in _FILES.items():
            file = folder / path.format(module=module)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(templates.get_template(f"{template}.jinja").render(words), encoding="utf-8")
            written.append(file)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror or error}.", "Choose another place.") from error
    return written


def _require_name(name: str, taken: Collection[str]) -> None:
    if not NAME.fullmatch(name) or len(name) > MOST_CHARS:
        raise InputError(f"{name!r} can't be a plugin's name.",
                         f"Use lower-case words with - or _ between them, at most {MOST_CHARS} characters, "
                         "such as word-count.")
    if name in taken or name.replace("-", "_") in taken:
        raise InputError(f"There is a plugin or tool named {name!r} already.", "Choose another name.")
