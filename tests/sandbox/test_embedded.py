from __future__ import annotations

import asyncio

import pytest

from agentfix import Limits, SandboxFileError, Session, ToolError


@pytest.mark.parametrize(("code", "feature"), [
    ("import numpy", "module 'numpy'"),
    ("x = 1\nimport ctypes.util", "module 'ctypes'"),
    ("from collections import ChainMap", "collections.ChainMap"),
    ("def f():\n    yield 1", "yield expressions"),
    ("import sys\nsys.exit(3)", "sys.exit"),
    ("import os\nos._exit(3)", "os._exit"),
    ("'a'.maketrans('a', 'b')", "str.maketrans"),
    ("input()", "builtin 'input'"),
    ("open('x', 'x')", "exclusive creation mode"),
    ("def f():\n    pass\nf.n = 0", "attributes of a function"),
    ("import json\njson.dumps = len", "attributes of a module"),
    ("next(x for x in [1])", "iterators made by expressions"),
])
async def test_what_it_lacks_is_named(embedded: Session, code: str, feature: str) -> None:
    result = await embedded.exec(code)
    assert (result.status, result.exit_code) == ("unsupported", None)
    assert feature in result.error


@pytest.mark.parametrize("code", [
    "print(nothing_of_that_name)", "[].nothing_of_that_name", "import math\nmath.nothing_of_that_name", "for",
    "raise NotImplementedError('not done')", "raise TimeoutError('mine')",
])
async def test_what_cpython_would_reject_too_is_an_error(embedded: Session, code: str) -> None:
    assert (await embedded.exec(code)).status == "error"


@pytest.mark.parametrize("code", ["return 5", "print(1)\nreturn 'a'", "x = 3\nif x:\n    return [1]", "return"])
async def test_a_program_is_no_function(embedded: Session, code: str) -> None:
    result = await embedded.exec(code)
    assert (result.status, result.error, result.stdout) == ("error", "SyntaxError: 'return' outside function", "")
    assert result.line == len(code.splitlines())


async def test_a_program_may_do_without_a_module(embedded: Session) -> None:
    code = "try:\n    import numpy\nexcept ImportError:\n    answer = 7"
    assert (await embedded.exec(code, want="answer")).value == "7"


async def test_sleep_counts_as_time(embedded: Session) -> None:
    assert (await embedded.exec("import time\ntime.sleep(1000)", Limits(timeout_s=0.2))).status == "timeout"


@pytest.mark.parametrize("want", ["None", "1 + 1", "x}{", "", "if"])
async def test_a_want_that_is_no_variable_has_no_value(embedded: Session, want: str) -> None:
    assert (await embedded.exec("answer = 1", want=want)).status == "ok"


async def test_a_value_that_has_no_text_is_an_error(embedded: Session) -> None:
    result = await embedded.exec("answer = 10**5000", want="answer")
    assert (result.status, result.value) == ("error", None)
    assert result.error.startswith("ValueError: Exceeds the limit")


async def test_a_huge_message_is_cut_and_has_no_traceback(embedded: Session) -> None:
    result = await embedded.exec("x = 1\nraise ValueError('ab ' * 1_000_000)", Limits(timeout_s=60))
    assert (result.status, result.line, result.truncated) == ("error", 2, True)
    assert result.error.startswith("ValueError: ab ab") and len(result.error) <= 2000
    assert len(result.stderr) < 100_000


async def test_a_huge_value_is_cut(embedded: Session) -> None:
    result = await embedded.exec("answer = 'é' * 1_000_000", Limits(timeout_s=60), want="answer")
    assert (result.status, result.truncated) == ("ok", True)
    assert result.value is not None and len(result.value.encode()) <= 64 * 2**10


@pytest.mark.parametrize("code", ["open('/etc/x', 'w')", "open('../x', 'w')", "open('/box/../etc/x', 'w')",
                                  "import os\nos.mkdir('/x')", "import os\nos.rename('mine', '/mine')"])
async def test_nothing_can_be_written_outside_of_the_folders(embedded: Session, code: str) -> None:
    await embedded.put("mine", b"1")
    result = await embedded.exec(code)
    assert (result.status, result.artefacts) == ("error", ())
    assert result.error.partition(":")[0] in {"OSError", "FileNotFoundError"}


async def test_files_of_the_host_are_not_there(embedded: Session) -> None:
    assert (await embedded.exec("open('/etc/passwd')")).error.startswith("FileNotFoundError: ")
    assert (await embedded.exec("import os\nos.listdir('/')")).value == "['box', 'tmp']"
    assert (await embedded.exec("import os\n(os.getcwd(), dict(os.environ))")).value == "('/box', {})"


async def test_a_program_finds_its_way_among_its_files(embedded: Session) -> None:
    result = await embedded.exec("""
import os
from pathlib import Path
os.makedirs('a/b')
Path('a/b/c.txt').write_text('c')
os.rename('a', 'z')
with open('z/b/d.txt', 'a') as file:
    file.write('d1')
    file.write('d2')
os.remove('z/b/c.txt')
Path('/tmp/x').write_bytes(b'x')
(sorted(os.listdir('z/b')), Path('z/b/d.txt').read_text(), Path('a').exists(), Path('/tmp/x').stat().st_size)
""")
    assert (result.status, result.value) == ("ok", "(['d.txt'], 'd1d2', False, 1)"), result.error
    assert [(each.path, each.data) for each in result.artefacts] == [("z/b/d.txt", b"d1d2")]


async def test_files_that_went_leave_their_room(embedded: Session) -> None:
    result = await embedded.exec("""
import os
for round in range(5):
    open('a', 'wb').write(b'x' * 700_000)
    os.rename('a', '/tmp/a')
    open('/tmp/a', 'ab').write(b'x' * 100_000)
    os.remove('/tmp/a')
open('b', 'wb').write(b'x' * 900_000)
open('b', 'ab').write(b'x' * 200_000)
""", Limits(timeout_s=60, disk_bytes=1_000_000))
    assert (result.status, result.line) == ("error", 9) and "No space left" in result.error
    assert [(each.path, each.size_bytes) for each in result.artefacts] == [("b", 900_000)]


async def test_what_a_cell_put_in_the_way_gives_way_to_what_is_put(embedded: Session) -> None:
    await embedded.exec("import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('1')\nopen('d', 'w').write('2')",
                        stateful=True)
    await embedded.put("a", b"file")
    await embedded.put("d/e", b"below")
    assert [each.path for each in await embedded.files()] == ["a", "d/e"]
    with pytest.raises(SandboxFileError):
        await embedded.get("a/b/c")


async def test_variables_that_are_too_many_to_keep_undo_their_cell(embedded: Session) -> None:
    await embedded.exec("x = 1", stateful=True)
    result = await embedded.exec("x = 'a' * 100_000_000", Limits(timeout_s=60), stateful=True)
    assert (result.status, result.state) == ("oom", "rolled_back")
    assert "variables" in result.error
    assert (await embedded.exec("x", stateful=True)).value == "1"


async def test_waiting_for_the_host_is_not_the_programs_time(embedded: Session) -> None:
    async def slow() -> str:
        await asyncio.sleep(0.6)
        return "there"

    result = await embedded.exec("slow()", Limits(timeout_s=0.3), functions={"slow": slow})
    assert (result.status, result.value) == ("ok", "'there'")


async def test_a_fault_of_a_function_is_raised_where_the_program_was_run(embedded: Session) -> None:
    async def broken() -> None:
        raise KeyError("a bug of the host")

    await embedded.exec("x = 1", stateful=True)
    with pytest.raises(KeyError, match="a bug of the host"):
        await embedded.exec("x = 2\ntry:\n    broken()\nexcept BaseException:\n    pass", stateful=True,
                            functions={"broken": broken})
    assert (await embedded.exec("x", stateful=True)).value == "1"


async def test_programs_that_wait_for_the_host_leave_the_others_their_turn(embedded: Session) -> None:
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    waiting = [asyncio.ensure_future(embedded.exec("wait()", functions={"wait": wait})) for _ in range(20)]
    assert (await embedded.exec("1 + 1")).value == "2"
    go.set()
    assert {result.status for result in await asyncio.gather(*waiting)} == {"ok"}


async def test_a_message_of_a_tool_is_told_to_a_cell_too(embedded: Session) -> None:
    async def look_up() -> None:
        raise ToolError("There is none.")

    result = await embedded.exec("look_up()", stateful=True, functions={"look_up": look_up})
    assert (result.status, result.error, result.state) == ("error", "RuntimeError: There is none.", "fresh")
