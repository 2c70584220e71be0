"""What programs plant where the host collects and puts files: nothing is followed, hangs or is too large."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from agentfix import ExecResult, SandboxFileError, Session, load_settings
from agentfix.sandbox.docker import DockerSandbox
from tests.sandbox.hostile.program import LIMITS

pytestmark = [pytest.mark.docker, pytest.mark.asyncio(loop_scope="module")]

PLANT = """
import os, socket
os.symlink('/etc/passwd', 'link')
os.symlink('/etc', 'folder-link')
os.symlink('loop', 'loop')
os.mkdir('folder')
os.mkfifo('fifo')
socket.socket(socket.AF_UNIX).bind('socket')
open('closed', 'w').write('x')
os.chmod('closed', 0)
open('real', 'w').write('real')
os.link('real', 'again')
"""
FLIP = """
import os, threading
open('secret', 'w').write('x' * 10)
def flip():
    while True:
        for make in (lambda: os.symlink('/etc/passwd', 'new'), lambda: os.mkfifo('new'),
                     lambda: os.link('secret', 'new'), lambda: os.symlink('secret', 'new')):
            make()
            os.rename('new', 'name')
            if os.path.exists('new'):
                os.unlink('new')
threading.Thread(target=flip, daemon=True).start()
"""
LEASE = """
import fcntl, os
file = open('leased', 'w+')
file.write('leased')
file.flush()
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(docker_missing: str) -> AsyncIterator[DockerSandbox]:
    if docker_missing:
        pytest.skip(docker_missing)
    sandbox = DockerSandbox(load_settings().sandbox_image)
    yield sandbox
    await sandbox.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def session(sandbox: DockerSandbox) -> AsyncIterator[Session]:
    session = await sandbox.open()
    yield session
    await session.aclose()


async def cell(session: Session, code: str) -> ExecResult:
    result = await session.exec(code, LIMITS, stateful=True)
    assert result.status == "ok", result
    return result


async def test_only_regular_files_are_collected_and_listed(session: Session) -> None:
    result = await cell(session, PLANT)
    assert {each.path: each.data for each in result.artefacts if each.path != "closed"} == {
        "again": b"real", "real": b"real"}
    assert {each.path for each in await session.files()} - {"closed"} == {"again", "real"}


@pytest.mark.parametrize("path", [
    "link", "folder-link", "folder-link/passwd", "loop", "folder", "fifo", "socket", "missing", "folder/missing",
    "real/below", "../etc/passwd", "/etc/passwd", "folder/../../etc/passwd", "", ".", "..", "a//b", "nul\0", "x" * 300,
    "/".join("d" * 100)])
async def test_what_is_no_regular_file_in_the_folder_can_not_be_got(session: Session, path: str) -> None:
    await cell(session, PLANT)
    with pytest.raises(SandboxFileError):
        await session.get(path)


@pytest.mark.parametrize("path", ["folder-link/passwd", "folder", "real/below", "../tmp/x", "/tmp/x", "", "a/../../x",
                                  "nul\0", "x" * 300])
async def test_what_is_no_file_s_name_in_the_folder_can_not_be_put(session: Session, path: str) -> None:
    await cell(session, PLANT)
    with pytest.raises(SandboxFileError):
        await session.put(path, b"put")


@pytest.mark.parametrize("path", ["link", "loop", "fifo", "socket", "closed", "real"])
async def test_a_file_that_is_put_replaces_what_was_planted(session: Session, path: str) -> None:
    await cell(session, PLANT)
    await session.put(path, b"put")
    assert await session.get(path) == b"put"
    result = await cell(session, "open('again').read(), open('/etc/passwd').read()[:4]")
    assert result.value == "('real', 'root')"


async def test_a_name_that_changes_all_the_time_gives_its_file_or_none(session: Session) -> None:
    await cell(session, FLIP)
    for _ in range(100):
        with suppress(SandboxFileError):
            assert await session.get("name") == b"x" * 10
    assert (await session.exec("answer = 1", LIMITS, want="answer")).value == "1"


async def test_a_lease_on_a_file_holds_nobody_up(session: Session) -> None:
    await cell(session, LEASE)
    with suppress(SandboxFileError):
        assert await session.get("leased") == b"leased"
    assert (await session.exec("answer = 1", LIMITS, want="answer")).value == "1"


async def test_many_and_large_files_are_collected_up_to_a_limit(session: Session) -> None:
    result = await cell(session, """
for number in range(2000):
    open(f'{number:04}', 'w').write('x')
for number in range(3):
    open(f'large{number}', 'wb').write(bytes(15_000_000))
""")
    assert 0 < len(result.artefacts) <= 100
    assert sum(len(each.data or b"") for each in result.artefacts) <= 16 * 2**20


async def test_a_file_that_is_all_hole_is_named_and_not_carried(session: Session) -> None:
    result = await cell(session, "open('hole', 'wb').truncate(60_000_000)")
    assert [(each.path, each.size_bytes, each.data) for each in result.artefacts] == [("hole", 60_000_000, None)]
    with pytest.raises(SandboxFileError):
        await session.get("hole")


async def test_names_that_are_no_text_or_too_deep_are_passed_over(session: Session) -> None:
    result = await cell(session, """
import os
open(b'\\xff', 'wb').write(b'x')
os.makedirs('/'.join('d' * 500))
open('/'.join('d' * 500) + '/deep', 'w').write('x')
for _ in range(2500):
    os.mkdir('e')
    os.chdir('e')
open('deep', 'w').write('x')
os.chdir('/box')
open('real', 'w').write('real')
""")
    assert [each.path for each in result.artefacts] == ["real"]
    assert [each.path for each in await session.files()] == ["real"]


async def test_a_name_with_odd_characters_is_a_name(session: Session) -> None:
    names = ["-rf", "a\nb", "\\", "..a", "\x1b[2J", "\u202ea", " "]
    result = await cell(session, f"for name in {names!r}:\n    open(name, 'w').write(name)")
    assert {each.path: each.data for each in result.artefacts} == {name: name.encode() for name in names}
    for name in names:
        assert await session.get(name) == name.encode()


async def test_a_file_that_has_no_room_is_refused_and_leaves_no_half(session: Session) -> None:
    await cell(session, """
try:
    with open('filler', 'wb', buffering=0) as file:
        while True: file.write(bytes(1_000_000))
except OSError: pass
""")
    with pytest.raises(SandboxFileError):
        await session.put("late", bytes(4_000_000))
    assert {each.path for each in await session.files()} == {"filler"}
    await cell(session, "import os\nos.unlink('filler')")
    await session.put("late", b"there is room again")
    assert await session.get("late") == b"there is room again"


async def test_programs_see_the_files_as_they_were_put(session: Session) -> None:
    await session.put("data/given", b"given")
    spoil = "import os, shutil\nshutil.rmtree('data')\nos.symlink('/etc', 'data')\nopen('extra', 'w').write('x')"
    assert (await session.exec(spoil, LIMITS)).status == "ok"
    look = "import os\nanswer = open('data/given').read(), os.listdir('.')"
    assert (await session.exec(look, LIMITS, want="answer")).value == "('given', ['data'])"
