"""Files: what is put into a session, what its programs and cells make of it, and what comes back."""

from __future__ import annotations

from agentfix.errors import SandboxFileError
from agentfix.protocols import FileInfo, Sandbox, Session
from agentfix.testing.conformance.check import Conformance, assert_works, cell, check, opened, run

PNG = b"\x89PNG\r\n\x1a\n"
BAD_PATHS = ("", ".", "..", "../x", "a/../b", "a/../../b", "/etc/passwd", "a//b", "a/", "./a", "a\0b", "x" * 300)


class FileConformance(Conformance):
    """A working folder that nothing leads out of."""

    @check("files")
    async def test_files_come_back_as_they_were_put(self, sandbox: Sandbox) -> None:
        files = {"b.bin": bytes(range(256)), "a/deep/er.txt": "höhe".encode(), "empty": b"", "with space": b"1"}
        async with opened(sandbox) as session:
            assert await session.files() == []
            for path, data in files.items():
                await session.put(path, data)
            await session.put("with space", b"22")
            files["with space"] = b"22"
            assert await session.files() == [FileInfo(path, len(files[path])) for path in sorted(files)]
            for path, data in files.items():
                assert await session.get(path) == data

    @check("files")
    async def test_paths_that_lead_elsewhere_are_refused(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            for path in BAD_PATHS:
                await assert_refused(session, path)
            assert await session.files() == []
            await assert_works(session)

    @check("files")
    async def test_a_file_is_no_folder(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await session.put("a", b"1")
            try:
                await session.put("a/b", b"2")
            except SandboxFileError:
                pass
            else:
                raise AssertionError("a file was put below a file")
            assert await session.get("a") == b"1"

    @check("files")
    async def test_programs_find_what_was_put(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await session.put("data/numbers.txt", b"1\n2\n39\n")
            result = await run(session, "with open('data/numbers.txt') as file:\n"
                                        "    answer = sum([int(line) for line in file.readlines()])", "answer")
            assert (result.status, result.value, result.artefacts) == ("ok", "42", ())

    @check("files")
    async def test_a_program_leaves_nothing_behind(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await session.put("a.txt", b"as it was put")
            made = await run(session, "open('a.txt', 'w').write('changed')\nopen('new.txt', 'w').write('new')")
            assert made.status == "ok"
            seen = await run(session, "import os\n(open('a.txt').read(), sorted(os.listdir('.')))")
            assert seen.value == "('as it was put', ['a.txt'])"
            assert await session.get("a.txt") == b"as it was put"
            assert await session.files() == [FileInfo("a.txt", 13)]

    @check("files")
    async def test_what_a_program_makes_comes_back_with_its_result(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await session.put("old.txt", b"old")
            await session.put("untouched.txt", b"untouched")
            result = await run(session, f"import os\nos.mkdir('out')\nopen('out/picture.txt', 'wb').write({PNG!r})\n"
                                        "open('old.txt', 'a').write(' and new')")
            assert result.status == "ok"
        made = {each.path: each for each in result.artefacts}
        assert sorted(made) == ["old.txt", "out/picture.txt"]
        assert (made["old.txt"].data, made["old.txt"].media_type, made["old.txt"].size_bytes) == (
            b"old and new", "text/plain", 11)
        assert (made["out/picture.txt"].data, made["out/picture.txt"].media_type) == (PNG, "image/png")

    @check("files")
    async def test_what_a_failing_program_made_comes_back_too(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "open('log', 'w').write('so far')\n1 / 0")
        assert (result.status, [(each.path, each.data) for each in result.artefacts]) == ("error", [("log", b"so far")])

    @check("files", "cells")
    async def test_what_cells_write_stays(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await session.put("in.txt", b"1")
            first = await cell(session, "open('in.txt', 'a').write('2')\nopen('out.txt', 'w').write('3')")
            assert sorted(each.path for each in first.artefacts) == ["in.txt", "out.txt"]
            second = await cell(session, "open('in.txt').read() + open('out.txt').read()")
            assert (second.value, second.artefacts) == ("'123'", ())
            assert await session.get("in.txt") == b"12"
            assert await session.files() == [FileInfo("in.txt", 2), FileInfo("out.txt", 1)]
            await session.put("out.txt", b"4")
            assert (await cell(session, "open('out.txt').read()")).value == "'4'"
            assert (await run(session, "open('in.txt').read()")).value == "'1'"

    @check("files")
    async def test_sessions_do_not_share_files(self, sandbox: Sandbox) -> None:
        one, other = await sandbox.open(), await sandbox.open()
        await one.put("secret", b"1")
        assert await other.files() == []
        result = await run(other, "open('secret')")
        assert (result.status, result.error.split(":")[0]) == ("error", "FileNotFoundError")
        await one.aclose()
        await other.aclose()

    @check("files", "cells", "links")
    async def test_links_lead_nowhere(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            made = await cell(session, "import os\nos.symlink('/etc/passwd', 'file')\nos.symlink('/tmp', 'folder')\n"
                                       "open('/tmp/x', 'w').write('1')")
            assert made.status == "ok"
            assert [each.path for each in made.artefacts] == []
            for path in ("file", "folder/x", "folder"):
                try:
                    await session.get(path)
                except SandboxFileError:
                    continue
                raise AssertionError(f"{path!r} was read through a link")
            assert await session.files() == []


async def assert_refused(session: Session, path: str) -> None:
    """Fail unless a path is refused, for writing and for reading."""
    for what in ("put", "get"):
        try:
            await (session.put(path, b"x") if what == "put" else session.get(path))
        except SandboxFileError:
            continue
        raise AssertionError(f"{what} took the path {path!r}")
