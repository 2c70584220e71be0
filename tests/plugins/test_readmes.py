"""The plugins' READMEs: each plugin has one, and its examples are so."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import agentfix
from agentfix.cli.main import cli
from agentfix.plugins import Plugins
from agentfix.settings import Settings

PLUGINS = Path(__file__).parent.parent.parent / "plugins"
FOLDERS = [pytest.param(path.parent, id=path.parent.name) for path in sorted(PLUGINS.glob("*/__init__.py"))]
READMES = [pytest.param(path.read_text(encoding="utf-8"), id=path.parent.name)
           for path in sorted(PLUGINS.glob("*/README.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^```python\n((?:(?!```)[^\n]*\n)*)```\nprints\n```\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = [pytest.param(*example.groups(), id=readme.id) for readme in READMES
            for example in EXAMPLE.finditer(str(readme.values[0]))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_plugin_has_a_readme_with_an_example(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {folder.name}\n") and BLOCK.search(text)


@pytest.mark.parametrize(("program", "printed"), EXAMPLES)
def test_an_example_prints_what_its_readme_says(program: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == printed


@pytest.mark.parametrize("text", READMES)
def test_examples_use_names_and_options_that_there_are(text: str) -> None:
    for language, block in BLOCK.findall(text):
        if language == "python":
            require_names(block)
            continue
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["agentfix"]:
                require_command(words[1:])


def require_names(program: str) -> None:
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom) and node.module == "agentfix":
            assert [alias.name for alias in node.names if not hasattr(agentfix, alias.name)] == []


def require_command(words: list[str]) -> None:
    """Hold a command line to the commands, options and parts that there are. Nothing is run."""
    command: click.Command | None = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words[0])
        words = words[1:]
    assert command is not None
    given = command.make_context(command.name, words, parent=context).params
    plugins = Plugins(Settings())
    for part, option in (("strategy", "strategy"), ("kind", "kind"), ("critic", "critics"), ("tool", "tools"),
                         ("strategy", "strategies"), ("dataset", "format_name")):
        value = given.get(option) or ()
        for name in (value,) if isinstance(value, str) else value:
            plugins.find(part, name.partition(":")[0])
