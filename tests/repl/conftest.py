"""Conversations at a terminal with a scripted model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.repl.screens import Screen

PLUGIN = Path(__file__).parent / "scripted.py"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where agentfix is started."""
    made = tmp_path / "project"
    made.mkdir()
    return made


@pytest.fixture
def says(tmp_path) -> Callable[..., None]:
    """Tells the model what to say."""

    def tell(*texts: str) -> None:
        (tmp_path / "says.json").write_text(json.dumps(texts), encoding="utf-8")

    return tell


@pytest.fixture
def asked(tmp_path) -> Callable[[], list[list[str]]]:
    """The prompts that the model was sent."""
    return lambda: [json.loads(line) for line in (tmp_path / "asked.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def stuck(tmp_path) -> Callable[[], str]:
    """Waits until the model is stuck, for where that can't be seen."""
    os.mkfifo(tmp_path / "stuck")
    return lambda: (tmp_path / "stuck").read_text(encoding="utf-8")


@pytest.fixture
def start(tmp_path, folder, monkeypatch) -> Iterator[Callable[..., Screen]]:
    """Starts `agentfix repl` with the scripted model; what it is given is added to the command."""
    for name in [name for name in os.environ if name.startswith("AGENTFIX_")]:
        monkeypatch.delenv(name)
    opened: list[Screen] = []

    def begin(*arguments: str, command: tuple[str, ...] = ("repl", "--plugin", str(PLUGIN), "--kind", "text"),
              **environment: str) -> Screen:
        columns = int(environment.pop("columns", "80"))
        screen = Screen(*command, *arguments, folder=folder, columns=columns, **{
            "AGENTFIX_DATA_DIR": str(tmp_path / "data"), "AGENTFIX_MODEL": f"script:{tmp_path}",
            "AGENTFIX_STRATEGY": "none", **environment})
        opened.append(screen)
        return screen

    yield begin
    for screen in opened:
        screen.child.close(force=True)
