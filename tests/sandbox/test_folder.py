"""Nothing that a program plants lets the worker read or write outside its folder, and a reset leaves nothing of it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from agentfix_sandboxes.python.worker.scratch import MOST_PARTS, FileError, Folder, split
from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = b"what programs must never see"
GIVEN = b"given"
NAMES = st.sampled_from(["a", "b", "c", "..a", "-rf", "a\nb", "é", "\udcff", " ", "n" * 255])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ODD_PATHS = st.sampled_from(["", ".", "..", "/", "/etc/passwd", "../outside/secret", "a/../../outside/secret", "a//b",
                             "a/", "nul\0", "n" * 256, "/".join("d" * (MOST_PARTS + 1)), "/".join("d" * MOST_PARTS)])
TARGETS = st.sampled_from(["../outside", "../outside/secret", "../../outside", "../../outside/secret", "/", "/etc",
                           "/etc/passwd", "a", "b", ".", "..", "a/b", "../elsewhere"])
MODES = st.sampled_from([0, 0o400, 0o200, 0o500, 0o700, 0o777, 0o1777, 0o6755])
WHERE = st.booleans()
PLANTED = st.one_of(
    st.tuples(st.just("file"), WHERE, PATHS, st.binary(max_size=20), MODES),
    st.tuples(st.just("folder"), WHERE, PATHS, MODES), st.tuples(st.just("link"), WHERE, PATHS, TARGETS),
    st.tuples(st.just("fifo"), WHERE, PATHS), st.tuples(st.just("deep"), WHERE, st.integers(30, 40)))
ASKED = st.one_of(st.tuples(st.just("put"), PATHS | ODD_PATHS), st.tuples(st.just("get"), PATHS | ODD_PATHS),
                  st.tuples(st.sampled_from(["files", "listed", "artefacts", "reset"])))
STEPS = st.lists(st.one_of(PLANTED, PLANTED, ASKED), max_size=12)


class Place:
    """A folder for programs, another place that they write to, and what is outside of both."""

    def __init__(self, base: Path) -> None:
        self.box, self.elsewhere, self.outside = base / "box", base / "elsewhere", base / "outside"
        for each in (self.box, self.elsewhere, self.outside):
            each.mkdir()
        (self.outside / "secret").write_bytes(SECRET)
        self.folder = Folder(str(self.box), (str(self.elsewhere), str(base / "missing")))
        self.put: dict[str, bytes] = {}
        self.before = self.look_outside()

    def look_outside(self) -> list[tuple[str, int, int, bytes]]:
        found = [(path, path.lstat()) for path in (self.outside, *self.outside.iterdir())]
        return [(path.name, state.st_mtime_ns, state.st_ctime_ns, path.read_bytes() if path != self.outside else b"")
                for path, state in found]

    def plant(self, step: tuple) -> None:
        """What a program does, as far as it stays in its own places."""
        what, root, *more = step[0], self.elsewhere if step[1] else self.box, *step[2:]
        path = os.path.join(root, more[0] if what != "deep" else "/".join("d" * more[0]))  # noqa: PTH118
        parent = os.path.dirname(path)  # noqa: PTH120
        if os.path.realpath(parent) != parent or os.path.lexists(path):
            return
        with suppress(OSError):
            os.makedirs(path if what in ("deep", "folder") else parent, exist_ok=True)  # noqa: PTH103
            if what == "file":
                Path(path).write_bytes(more[1])
            elif what == "link":
                Path(path).symlink_to(more[1])
            elif what == "fifo":
                os.mkfifo(path)
            if what in ("file", "folder"):
                Path(path).chmod(more[-1])

    def ask(self, step: tuple) -> None:
        """What the host asks of the worker."""
        if step[0] == "put":
            with suppress(FileError):
                self.folder.put(step[1], GIVEN)
                self.put[step[1]] = GIVEN
                assert (self.box / step[1]).lstat().st_size == len(GIVEN)
        elif step[0] == "get":
            with suppress(FileError):
                data = self.folder.get(step[1])
                assert self.is_inside(step[1]) and data == (self.box / step[1]).read_bytes()
        elif step[0] == "artefacts":
            for path, size_bytes, data in self.folder.artefacts({}):
                assert self.is_inside(path) and (data is None or len(data) == size_bytes)
        elif step[0] in ("files", "listed"):
            found = {path for path, _ in self.folder.listed()}
            assert found == set(self.folder.files()) and all(self.is_inside(path) for path in found)
        else:
            self.reset()

    def is_inside(self, path: str) -> bool:
        """Whether it is a regular file, and no part of its path is a link."""
        whole = str(self.box / path)
        return (stat.S_ISREG(os.lstat(whole).st_mode) and os.path.realpath(whole) == whole
                and whole.startswith(f"{self.box}/"))

    def reset(self) -> None:
        try:
            self.folder.reset()
        except FileError:  # what was put can't be there together, because a program removed the one before the other
            assert any(a.startswith(f"{b}/") for a in self.put for b in self.put)
            return
        left = {str(path.relative_to(self.box)): path.read_bytes() for path in self.box.rglob("*")
                if not path.is_dir() or path.is_symlink()}
        assert left == self.put
        assert list(self.elsewhere.iterdir()) == []


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder).resolve()


@settings(max_examples=10_000, deadline=None)
@given(STEPS)
def test_whatever_is_planted_and_asked_for_stays_in_the_folder(base: Path, steps: list[tuple]) -> None:
    place = base / "place"
    place.mkdir()
    try:
        here = Place(place)
        for step in steps:
            if step[0] in ("file", "folder", "link", "fifo", "deep"):
                here.plant(step)
            else:
                here.ask(step)
        here.reset()
        assert here.look_outside() == here.before
    finally:
        shutil.rmtree(place)
    assert len(list(Path("/proc/self/fd").iterdir())) < 100, "no descriptor is left open"


def test_a_tree_that_is_deeper_than_a_path_can_say_is_removed(base: Path) -> None:
    with TemporaryDirectory(dir=base) as folder:
        here, place = Place(Path(folder)), Path.cwd()
        try:
            for root in (here.box, here.elsewhere):
                os.chdir(root)
                for _ in range(3000):
                    Path("d" * 20).mkdir()
                    os.chdir("d" * 20)
        finally:
            os.chdir(place)
        assert here.folder.files() == {}
        here.reset()


@settings(max_examples=10_000, deadline=None)
@given(st.one_of(st.text(), PATHS, ODD_PATHS, st.text(alphabet="ab./\0\udcff")))
def test_a_path_that_is_taken_stays_below_its_folder(path: str) -> None:
    try:
        parts = split(path)
    except FileError:
        return
    assert os.path.normpath(path) == path == "/".join(parts) and not path.startswith("/")
    assert 0 < len(parts) <= MOST_PARTS and all(0 < len(part.encode()) <= 255 for part in parts)
    assert not {"", ".", ".."} & set(parts)
