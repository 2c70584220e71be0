from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from agentfix_plugins.files import growth as growths
from agentfix_plugins.files.anchored import AnchoredFolder
from agentfix_plugins.files.checked import CheckedFolder, check_name
from agentfix_plugins.files.contents import Content
from agentfix_plugins.files.paths import parts_of
from hypothesis import given
from hypothesis import strategies as st

from agentfix import Claim, EvidenceClass, Observation, Settings, ToolCall, ToolContext, ToolError
from agentfix.plugins import Plugins
from agentfix.tools.guard import Guard
from agentfix.tools.observed import DATA_BYTES

NAMES = ("list_files", "read_file", "search_files", "write_file", "edit_file", "delete_file")
LEAVING = ["../secret", "a/../../secret", "/etc/passwd", "~/secret", "~root/x", "C:/secret", "c:secret", "..",
           "a\\..\\secret", "a/..", "//host/share", "a\0b", "a\nb", "\ud800"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def context(root: Path) -> ToolContext:
    return ToolContext(None, timeout_s=5, folder=root)  # pyright: ignore[reportArgumentType] - no tool runs a program


@pytest.fixture
def tools() -> dict[str, Any]:
    plugins = Plugins(Settings())
    return {name: plugins.build("tool", name) for name in NAMES}


@pytest.fixture
def say(tools: dict[str, Any], context: ToolContext) -> Callable[..., Any]:
    async def run(name: str, **arguments: Any) -> Observation:
        return await tools[name].run(arguments, context)

    return run


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what they do -----------------------------------------------------------------------------------------------------


async def test_a_file_is_written_read_found_edited_and_deleted(say, root: Path) -> None:
    assert (await say("write_file", path="notes/today.md", content="milk\neggs\n")).text == \
        "Wrote notes/today.md (10 bytes)."
    assert (await say("read_file", path="notes/today.md")).text == "milk\neggs\n"
    assert (await say("list_files", recursive=True)).text == "notes/\nnotes/today.md (10 bytes)"
    assert (await say("search_files", text="EGG", ignore_case=True)).text == "notes/today.md:2: eggs"
    await say("edit_file", path="notes/today.md", old="eggs", new="six eggs")
    assert (root / "notes/today.md").read_text() == "milk\nsix eggs\n"
    assert (await say("delete_file", path="notes/today.md")).text == "Deleted notes/today.md."
    assert (await say("list_files", path="notes")).text == "The folder is empty."


async def test_a_file_is_read_in_pieces(say, root: Path) -> None:
    (root / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 3001)))
    first = await say("read_file", path="long.txt")
    assert first.text.endswith(f"[{3000 - first.data['last_line']} more lines follow: read on from line "
                               f"{first.data['last_line'] + 1}.]")
    assert (await say("read_file", path="long.txt", first_line=2999)).text == "line 2999\nline 3000\n"
    assert (await say("read_file", path="long.txt", first_line=5, lines=1)).text.startswith("line 5\n\n[2995 more")
    with pytest.raises(ToolError, match="no line 3001"):
        await say("read_file", path="long.txt", first_line=3001)


async def test_what_is_replaced_must_stand_there_once(say, root: Path) -> None:
    (root / "a.py").write_text("total = 1\nprint(total)\ntotal = 1\n")
    with pytest.raises(ToolError, match="2 times, at lines 1, 3"):
        await say("edit_file", path="a.py", old="total = 1", new="total = 2")
    with pytest.raises(ToolError, match=r"line 2 is 'print\(total\)'"):
        await say("edit_file", path="a.py", old="print(totals)", new="x")
    with pytest.raises(ToolError, match="empty"):
        await say("edit_file", path="a.py", old="", new="x")
    await say("edit_file", path="a.py", old="total = 1", new="total = 2", everywhere=True)
    assert (root / "a.py").read_text() == "total = 2\nprint(total)\ntotal = 2\n"


async def test_line_ends_and_permissions_stay_as_they_are(say, root: Path) -> None:
    script = root / "run.sh"
    script.write_bytes(b"one\r\ntwo\r\n")
    script.chmod(0o750)
    assert (await say("read_file", path="run.sh")).text == "one\ntwo\n"
    await say("edit_file", path="run.sh", old="one\ntwo", new="1\n2")
    assert script.read_bytes() == b"1\r\n2\r\n"
    assert script.stat().st_mode & 0o777 == 0o750


async def test_what_can_not_be_done_is_said(say, root: Path) -> None:
    (root / "folder").mkdir()
    (root / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (root / "big.txt").write_bytes(b"x" * 700_001)
    for name, arguments, word in [
        ("read_file", {"path": "none.txt"}, "There is no none.txt"),
        ("read_file", {"path": "folder"}, "is a folder"),
        ("read_file", {"path": "photo.png"}, "binary file"),
        ("read_file", {"path": "big.txt"}, "700001 bytes"),
        ("read_file", {"path": "photo.png/x"}, "not a folder"),
        ("write_file", {"path": "folder", "content": ""}, "is a folder"),
        ("write_file", {"path": "a/", "content": ""}, "name a file"),
        ("write_file", {"path": "big.txt", "content": ""}, "700001 bytes"),
        ("write_file", {"path": "a.txt", "content": "x" * 700_001}, "at most 700000"),
        ("write_file", {"path": "a.txt", "content": "\ud800"}, "half a character"),
        ("write_file", {"path": "x" * 300, "content": ""}, "can't be used"),
        ("delete_file", {"path": "big.txt"}, "700001 bytes"),
        ("delete_file", {"path": "none.txt"}, "There is no"),
        ("edit_file", {"path": "none.txt", "old": "a", "new": "b"}, "There is no"),
        ("edit_file", {"path": "photo.png", "old": "a", "new": "b"}, "binary"),
        ("list_files", {"path": "none"}, "There is no"),
        ("search_files", {"text": "a", "path": "none"}, "There is no"),
        ("search_files", {"text": ""}, "one line"),
    ]:
        with pytest.raises(ToolError, match=word):
            await say(name, **arguments)
    assert names_in(root) == ["big.txt", "folder", "photo.png"]


async def test_a_search_passes_over_what_is_no_text_and_is_bounded(say, root: Path) -> None:
    (root / "photo.png").write_bytes(b"needle\0")
    (root / "many.txt").write_text("needle\n" * 500)
    seen = await say("search_files", text="needle")
    assert len(seen.data["hits"]) == 100
    (root / "many.txt").write_text("a " * 5_000 + "needle" + " b" * 5_000)
    seen = await say("search_files", text="needle")
    assert len(seen.data["hits"]) == 1 and len(seen.text) < 300 and "needle" in seen.text
    assert (await say("search_files", text="needle", path="many.txt")).data["files"] == 1


async def test_a_folder_that_is_not_made_yet_is_empty(tools, root: Path) -> None:
    context = ToolContext(None, timeout_s=5, folder=root / "new")
    for name, arguments, text in [("list_files", {}, "The folder is empty."),
                                  ("list_files", {"recursive": True}, "The folder is empty."),
                                  ("search_files", {"text": "a"}, "No file holds 'a'.")]:
        assert (await tools[name].run(arguments, context)).text == text
    with pytest.raises(ToolError, match=r"There is no a\.txt"):
        await tools["read_file"].run({"path": "a.txt"}, context)
    await tools["write_file"].run({"path": "a.txt", "content": "a"}, context)
    assert names_in(root / "new") == ["a.txt"]


async def test_a_run_without_a_folder_has_no_files(tools) -> None:
    with pytest.raises(ToolError, match="no working folder") as refusal:
        await tools["list_files"].run({}, ToolContext(None, timeout_s=5))
    assert refusal.value.status == "unavailable"


@pytest.mark.parametrize("here", ["/", "."])
async def test_the_tools_do_no_more_than_they_declare(tools, root: Path, monkeypatch: pytest.MonkeyPatch,
                                                      here: str) -> None:
    monkeypatch.chdir(here)
    for name, arguments in [("write_file", {"path": "a/b.txt", "content": "x"}), ("list_files", {"recursive": True}),
                            ("edit_file", {"path": "a/b.txt", "old": "x", "new": "y"}), ("search_files", {"text": "y"}),
                            ("read_file", {"path": "a/b.txt"}), ("delete_file", {"path": "a/b.txt"})]:
        guard = Guard(tools[name].spec, (root,))
        call = ToolCall(name, arguments)
        with guard.on():
            said = await tools[name].run(arguments, ToolContext(None, timeout_s=5, folder=root))
            if tools[name].spec.undoes and name != "write_file":
                await tools[name].undo(call, said, ToolContext(None, timeout_s=5, folder=root))
        assert guard.refused == []


# --- confinement ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LEAVING, ids=ascii)
@pytest.mark.parametrize("name", ["read_file", "write_file", "edit_file", "delete_file", "list_files", "search_files"])
async def test_no_path_leaves_the_folder(say, root: Path, name: str, path: str) -> None:
    secret = root.parent / "secret"
    secret.write_text("secret")
    more = {"write_file": {"content": "x"}, "edit_file": {"old": "secret", "new": "x"}, "search_files": {"text": "s"}}
    with pytest.raises(ToolError):
        await say(name, path=path, **more.get(name, {}))
    assert secret.read_text() == "secret"
    assert names_in(root) == []


@given(st.text(st.sampled_from("./~:ab\\"), max_size=12))
def test_whatever_is_taken_as_a_path_stays_below(path: str) -> None:
    try:
        parts = parts_of(path)
    except ToolError:
        return
    assert not {"", ".", ".."} & set(parts)
    assert Path(os.path.normpath(Path("/work", *parts))).is_relative_to("/work")


@pytest.mark.parametrize("make", [AnchoredFolder, CheckedFolder])
def test_links_are_not_followed(root: Path, make) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "file").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (root / "dangling").symlink_to(outside / "new")
    folder = make(root)
    for act in (lambda: folder.read(("file",)), lambda: folder.read(("folder", "secret")),
                lambda: folder.write(("file",), Content(b"x")), lambda: folder.write(("dangling",), Content(b"x")),
                lambda: folder.write(("folder", "new"), Content(b"x")), lambda: folder.remove(("file",)),
                lambda: folder.remove(("folder", "secret")), lambda: folder.write(("folder", "a", "b"), Content(b"x")),
                lambda: folder.entries(("folder",))):
        with pytest.raises(ToolError, match="is a link"):
            act()
    assert {entry.name: entry.kind for entry in folder.entries(())} == \
        {"dangling": "link", "file": "link", "folder": "link"}
    assert names_in(outside) == ["secret"]
    assert (outside / "secret").read_text() == "secret"


@pytest.mark.parametrize("make", [AnchoredFolder, CheckedFolder])
def test_pipes_are_not_opened(root: Path, make) -> None:
    os.mkfifo(root / "pipe")
    folder = make(root)
    for act in (lambda: folder.read(("pipe",)), lambda: folder.write(("pipe",), Content(b"x")),
                lambda: folder.remove(("pipe",))):
        with pytest.raises(ToolError, match="no ordinary file"):
            act()


@pytest.mark.parametrize("make", [AnchoredFolder, CheckedFolder])
def test_both_folders_do_the_same(root: Path, make) -> None:
    folder = make(root / "new")
    assert folder.write(("a", "b", "c.txt"), Content(b"one", 0o640)) == [("a",), ("a", "b")]
    assert folder.write(("a", "b", "c.txt"), Content(b"two", 0o640)) == []
    assert folder.read(("a", "b", "c.txt")) == Content(b"two", 0o640)
    assert [entry.name for entry in folder.entries(("a", "b"))] == ["c.txt"]
    with pytest.raises(NotADirectoryError):
        folder.read(("a", "b", "c.txt", "d"))
    with pytest.raises(IsADirectoryError):
        folder.remove(("a", "b"))
    folder.remove(("a", "b", "c.txt"))
    folder.remove_folder(("a", "b"))
    with pytest.raises(FileNotFoundError):
        folder.entries(("a", "b"))


@pytest.mark.parametrize(("folder", "leaks"), [
    ("anchored", []),
    ("checked", ["remove at 1"]),  # that system can't do better: its README says so
])
def test_a_link_that_is_swapped_in_during_an_act_leads_nowhere(tmp_path: Path, folder: str, leaks: list[str]) -> None:
    swapping = Path(__file__).with_name("swapping.py")
    done = subprocess.run([sys.executable, swapping, tmp_path / "here", folder], capture_output=True, text=True,
                          check=True)
    assert done.stdout.splitlines() == leaks


@pytest.mark.parametrize("name", ["CON", "nul.txt", "a.", "a ", "com1", "a:b", "a?b", "LPT9.tar.gz"])
def test_names_that_windows_takes_for_something_else(name: str) -> None:
    with pytest.raises(ToolError, match="name of a file"):
        check_name(name)


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "sub/.GIT/config", "agentfix.toml", ".git./config",
                                  ".g\u200cit/config", "AGENTFIX.TOML::$DATA", ".ｇｉｔ/config"])
async def test_what_decides_what_runs_later_is_not_written(say, root: Path, path: str) -> None:
    with pytest.raises(ToolError, match="protected") as refusal:
        await say("write_file", path=path, content="x")
    assert refusal.value.status == "refused" and names_in(root) == []


async def test_no_plugin_is_written(say, root: Path) -> None:
    await say("write_file", path="plugins/mine.py", content="x")
    (root / "plugins" / "mine.py").unlink()
    (root / "agentfix.toml").write_text("")
    for path in ("plugins/evil.py", "plugins/evil/__init__.py", "Plugins/evil.py"):
        with pytest.raises(ToolError, match="is run"):
            await say("write_file", path=path, content="x")
    assert names_in(root / "plugins") == []


async def test_the_folder_does_not_grow_without_end(say, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growths, "MAX_BYTES", 10)
    monkeypatch.setattr(growths, "MAX_FILES", 2)
    await say("write_file", path="a.txt", content="12345678")
    with pytest.raises(ToolError, match="no room"):
        await say("write_file", path="a.txt", content="12345678901")
    await say("edit_file", path="a.txt", old="12345678", new="1")
    await say("write_file", path="b.txt", content="1")
    with pytest.raises(ToolError, match="no more are"):
        await say("write_file", path="c.txt", content="")
    await say("delete_file", path="a.txt")
    await say("write_file", path="c.txt", content="")
    assert names_in(root) == ["b.txt", "c.txt"]


def test_many_writers_leave_one_whole_file(root: Path) -> None:
    texts = [bytes([65 + n]) * 50_000 for n in range(8)]

    def write(data: bytes) -> None:
        for _ in range(5):
            AnchoredFolder(root).write(("a.txt",), Content(data))

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (root / "a.txt").read_bytes() in texts
    assert names_in(root) == ["a.txt"]


# --- checked and undone -----------------------------------------------------------------------------------------------

ACTS = [
    ("write_file", {"path": "new/deep/a.txt", "content": "mine\n"}),
    ("write_file", {"path": "old.txt", "content": "mine\n"}),
    ("edit_file", {"path": "old.txt", "old": "before", "new": "after"}),
    ("delete_file", {"path": "old.txt"}),
    ("write_file", {"path": "photo.png", "content": "text"}),
]


def tree(root: Path) -> dict[str, Any]:
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode) if path.is_file() else "folder"
            for path in root.rglob("*")}


@pytest.fixture
def filled(root: Path) -> Path:
    (root / "old.txt").write_text("before\n")
    (root / "old.txt").chmod(0o600)
    (root / "photo.png").write_bytes(b"\x89PNG\0\xff")
    return root


@pytest.mark.parametrize(("name", "arguments"), ACTS)
async def test_an_act_is_checked_by_reading_back_and_can_be_undone(tools, context, filled: Path, name: str,
                                                                  arguments: dict[str, Any]) -> None:
    tool, call = tools[name], ToolCall(name, arguments)
    assert tool.spec.side_effects and tool.spec.verifies and tool.spec.undoes
    before = tree(filled)
    said = await tool.run(arguments, context)
    assert tree(filled) != before
    evidence = await tool.verify(Claim("done", call, said), context)
    assert (evidence.kind, evidence.polarity, evidence.coverage) == (EvidenceClass.MEASUREMENT, "supports", "whole")
    await tool.undo(call, said, context)
    assert tree(filled) == before
    assert (await tool.verify(Claim("done", call, said), context)).polarity == "refutes"


@pytest.mark.parametrize(("name", "arguments"), ACTS)
async def test_what_somebody_changed_since_is_not_undone(tools, context, filled: Path, name: str,
                                                         arguments: dict[str, Any]) -> None:
    tool, call = tools[name], ToolCall(name, arguments)
    said = await tool.run(arguments, context)
    (filled / arguments["path"]).write_text("somebody's\n")
    evidence = await tool.verify(Claim("done", call, said), context)
    assert evidence.polarity == "refutes"
    with pytest.raises(ToolError, match="changed since"):
        await tool.undo(call, said, context)
    assert (filled / arguments["path"]).read_text() == "somebody's\n"


async def test_a_check_says_what_is_wrong(tools, context, filled: Path) -> None:
    tool, call = tools["write_file"], ToolCall("write_file", {"path": "a.txt", "content": "one\ntwo\n"})
    said = await tool.run(call.arguments, context)
    (filled / "a.txt").write_text("one\n2\n")
    assert (await tool.verify(Claim("", call, said), context)).summary.endswith("line 2 is another")
    (filled / "a.txt").unlink()
    assert (await tool.verify(Claim("", call, said), context)).summary == "a.txt is not there"
    assert await tool.verify(Claim("some answer"), context) is None
    assert await tool.verify(Claim("", call, Observation("write_file", "refused", "")), context) is None


async def test_folders_that_others_use_by_now_stay(tools, context, filled: Path) -> None:
    tool, call = tools["write_file"], ToolCall("write_file", {"path": "new/deep/a.txt", "content": ""})
    said = await tool.run(call.arguments, context)
    (filled / "new" / "b.txt").write_text("")
    await tool.undo(call, said, context)
    assert names_in(filled / "new") == ["b.txt"]


async def test_what_is_kept_for_undoing_is_plain_json(tools, context, filled: Path) -> None:
    call = ToolCall("delete_file", {"path": "photo.png"})
    said = await tools["delete_file"].run(call.arguments, context)
    kept = Observation(**json.loads(json.dumps(asdict(said))))
    await tools["delete_file"].undo(call, kept, context)
    assert (filled / "photo.png").read_bytes() == b"\x89PNG\0\xff"


async def test_what_is_kept_of_the_largest_file_fits_into_an_observation(tools, context, root: Path) -> None:
    (root / "large.txt").write_bytes(b"\xff" * 700_000)
    said = await tools["delete_file"].run({"path": "large.txt"}, context)
    assert len(json.dumps(said.data)) < DATA_BYTES
