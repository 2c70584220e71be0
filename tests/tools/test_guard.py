"""What a tool may do with files that are named from an open folder."""

from __future__ import annotations

import asyncio
import importlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentfix import ExecResult, Limits, ToolSpec
from agentfix.tools import guard
from agentfix.tools.guard import Guard, UndeclaredError
from agentfix.tools.untimed import UntimedSession

NEW = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where a tool has no business. Temporary files lie elsewhere."""
    monkeypatch.setattr(guard, "_python_places", lambda: ())
    monkeypatch.setattr(tempfile, "tempdir", "/no-such-folder")
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
    lambda folder: os.listdir(),  # noqa: PTH208 - of no folder named
    lambda folder: os.scandir("."),
    lambda folder: [*Path().absolute().iterdir()],
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


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Python's packages are."""
    monkeypatch.setattr(tempfile, "tempdir", "/no-such-folder")
    place = tmp_path / "library"
    place.mkdir()
    monkeypatch.setattr(guard, "_python_places", lambda: (place,))
    return place


@pytest.mark.parametrize("act", [
    lambda place: (place / "later.pth").write_text("import os"),
    lambda place: (place / "module.py").unlink(),
    lambda place: (place / "module.py").rename(place / "other.py"),
    lambda place: (place / "__pycache__" / "x").mkdir(parents=True),
    lambda place: os.chdir(place),
])
def test_what_python_is_made_of_is_read_and_not_changed(library: Path, act) -> None:
    (library / "module.py").write_text("")
    (library / "__pycache__").mkdir()
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on():
        assert (library / "module.py").read_text() == ""
        with pytest.raises(UndeclaredError):
            act(library)
    assert len(watch.refused) == 1


@pytest.mark.parametrize("name", ["/etc/passwd", "/proc/self/environ", "/etc"])
def test_the_systems_users_and_settings_are_no_business_of_a_tool(name: str) -> None:
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on(), pytest.raises(UndeclaredError):
        sorted(Path(name).iterdir()) if name == "/etc" else Path(name).read_bytes()
    assert len(watch.refused) == 1


def test_its_own_package_is_read_and_not_changed(outside: Path) -> None:
    (outside / "table.json").write_text("{}")
    watch = Guard(ToolSpec("t", "", {}), own=(outside,))
    with watch.on():
        assert [*outside.iterdir()] == [outside / "table.json"] and (outside / "table.json").read_text() == "{}"
        with pytest.raises(UndeclaredError):
            (outside / "table.json").write_text("")
    assert len(watch.refused) == 1


def test_importing_keeps_what_it_compiled(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (library / "found_by_test.py").write_text("answer = 42")
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on():
        assert importlib.import_module("found_by_test").answer == 42
    assert watch.refused == [] and list((library / "__pycache__").iterdir())


@pytest.mark.parametrize("database", [":memory:", "", "file:shared?mode=memory"])
def test_a_database_in_memory_is_no_file(outside: Path, database: str) -> None:
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on():
        sqlite3.connect(database, uri=True).close()
        with pytest.raises(UndeclaredError):
            sqlite3.connect("file.sqlite")
    assert len(watch.refused) == 1


class Opening:
    """A session that reads a file of its own, and then calls the program's function."""

    def __init__(self, own: Path) -> None:
        self.own = own

    async def exec(self, code: str, limits: Limits = Limits(), *, functions: Any, **_: Any) -> ExecResult:
        self.own.read_bytes()
        await functions["call"]()
        return ExecResult("ok")


async def test_what_the_sandbox_does_is_not_the_tools_doing(outside: Path) -> None:
    (outside / "socket").write_text("")
    (outside / "secret").write_text("")

    async def call() -> None:
        (outside / "secret").read_bytes()

    watch = Guard(ToolSpec("t", "", {}))
    session = UntimedSession(Opening(outside / "socket"), asyncio.timeout(5))  # pyright: ignore[reportArgumentType]
    async with session.clock:
        with watch.on(), pytest.raises(UndeclaredError, match="secret"):
            await session.exec("", functions={"call": call})
    assert len(watch.refused) == 1


def test_a_warning_looks_for_code_that_has_no_file(outside: Path) -> None:
    watch = Guard(ToolSpec("t", "", {}))
    with watch.on(), pytest.raises(FileNotFoundError):
        Path("<unknown>").read_text()
    assert watch.refused == []
