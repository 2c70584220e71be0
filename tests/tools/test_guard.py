"""What a tool may do with files that are named from an open folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentfix import ToolSpec
from agentfix.tools import guard
from agentfix.tools.guard import Guard, UndeclaredError

NEW = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where a tool has no business. Temporary files lie elsewhere."""
    monkeypatch.setattr(guard, "_python_places", lambda: ())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "work").mkdir()
    descriptor = os.open(tmp_path / "work", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_names_in_an_open_folder_are_used(outside: Path, opened: int) -> None:
    watch = Guard(ToolSpec("t", "", {}), (outside / "work",))
    with watch.on():
        os.mkdir("sub", dir_fd=opened)
        os.close(os.open("a", NEW, dir_fd=opened))
        os.rename("a", "b", src_dir_fd=opened, dst_dir_fd=opened)
        os.unlink("b", dir_fd=opened)
        os.rmdir("sub", dir_fd=opened)
    assert watch.refused == []


@pytest.mark.parametrize("act", [
    lambda folder: os.open(".", os.O_RDONLY),
    lambda folder: os.open("a", os.O_RDONLY),
    lambda folder: os.open("../a", NEW, dir_fd=folder),
    lambda folder: os.open("..", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder),
    lambda folder: os.mkdir("../sub", dir_fd=folder),
    lambda folder: os.unlink("../a", dir_fd=folder),
    lambda folder: os.rename("a", "../b", src_dir_fd=folder, dst_dir_fd=folder),
    lambda folder: os.rename("a", "b", src_dir_fd=folder),
    lambda folder: Path("sub").mkdir(),
    lambda folder: Path("a").unlink(),
    lambda folder: Path("a").write_text(""),
])
def test_what_leads_out_of_an_open_folder_is_refused(outside: Path, opened: int, act) -> None:
    watch = Guard(ToolSpec("t", "", {}), (outside / "work",))
    with watch.on(), pytest.raises(UndeclaredError):
        act(opened)
    assert len(watch.refused) == 1


def test_where_python_looks_for_modules_is_no_business_of_a_tool(outside: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend("__editable__.finder")
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on(), pytest.raises(FileNotFoundError):
        Path("__editable__.finder").read_bytes()
    assert watch.refused == []
