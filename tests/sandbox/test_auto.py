from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from agentfix import ExecResult, FileInfo, Limits, SandboxError, SandboxUnavailableError, Session
from agentfix.sandbox.auto import AutoSandbox
from agentfix.sandbox.auto.lacks import Lacks
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.embedded import EmbeddedSandbox, EmbeddedSession


class Fuller:
    """The embedded sandbox, but with numpy, which does nothing, and able to yield. Notes the programs it is given.

    Args:
        random: whether the last value is never the same.
    """

    name = "fuller"

    def __init__(self, *, random: bool = False) -> None:
        self.programs: list[str] = []
        self.sessions: list[FullerSession] = []
        self._embedded = EmbeddedSandbox()
        self._random = random

    async def open(self) -> FullerSession:
        session = FullerSession(await self._embedded.open(), self.programs, random=self._random)
        self.sessions.append(session)
        return session

    async def aclose(self) -> None:
        await self._embedded.aclose()


class FullerSession:
    def __init__(self, session: EmbeddedSession, programs: list[str], *, random: bool) -> None:
        self._session, self._programs, self._random = session, programs, random
        self.put, self.get, self.files, self.aclose = session.put, session.get, session.files, session.aclose

    async def exec(self, code: str, limits: Limits = Limits(), **options: Any) -> ExecResult:
        self._programs.append(code)
        able = "\n".join(line for line in code.split("\n") if "numpy" not in line and "yield" not in line) or "1"
        result = await self._session.exec(able, limits, **options)
        return replace(result, sandbox="fuller", value=str(uuid4()) if self._random else result.value)


class Nowhere:
    """A sandbox that can't be had."""

    name = "nowhere"

    async def open(self) -> Session:
        raise SandboxUnavailableError("There is no engine.", "Start it.")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("code", [
    "import numpy", "1\ndef f(): yield 1", "print('so far')\nfrom numpy import array",
])
async def test_a_program_that_needs_more_moves(code: str) -> None:
    elsewhere = Fuller()
    session = await AutoSandbox(EmbeddedSandbox(), lambda: elsewhere).open()
    assert (await session.exec("answer = 1", want="answer")).sandbox == "embedded"
    assert (await session.exec(code)).sandbox == "fuller"
    assert elsewhere.programs == [code]
    await session.aclose()


async def test_a_lack_is_remembered() -> None:
    elsewhere = Fuller()
    session = await AutoSandbox(EmbeddedSandbox(), lambda: elsewhere).open()
    code = "import sys\nif {}:\n    print('more')\n    sys.exit(4)"
    assert (await session.exec("import sys\nsys.exit(3)")).sandbox == "fuller"
    assert (await session.exec(code.format(False))).sandbox == "fuller"
    await session.aclose()


def test_a_lack_that_the_source_does_not_name_is_that_of_programs_of_its_shape() -> None:
    lacks = Lacks()
    lacks.learn("def f(x):\n    yield x", ExecResult("unsupported", error="Not in the embedded sandbox: a thing."))
    assert lacks.met_by("import math\ndef generate(number):\n    yield number\nprint(1 + 1)")
    assert not lacks.met_by("def f(x):\n    return x")
    assert not lacks.met_by("yield 1")


async def test_without_docker_the_need_is_told() -> None:
    session = await AutoSandbox(EmbeddedSandbox(), Nowhere).open()
    result = await session.exec("import numpy")
    assert (result.status, result.sandbox) == ("unsupported", "embedded")
    assert "module 'numpy'" in result.error and "Start it." in result.error
    assert (await session.exec("answer = 1", want="answer")).value == "1"
    await session.aclose()


@pytest.fixture
def fuller() -> Fuller:
    return Fuller()


@pytest.fixture
async def auto(fuller: Fuller) -> AsyncIterator[Session]:
    sandbox = AutoSandbox(EmbeddedSandbox(), lambda: fuller)
    session = await sandbox.open()
    yield session
    await session.aclose()
    await sandbox.aclose()


async def test_a_cell_that_needs_more_takes_the_earlier_ones_along(auto: Session, fuller: Fuller) -> None:
    first = await auto.exec("x = 1\nprint(x)", stateful=True)
    failed = await auto.exec("x += 1\n1 / 0", stateful=True)
    assert (first.sandbox, failed.sandbox, fuller.programs) == ("embedded", "embedded", [])
    heard: list[str] = []
    moved = await auto.exec("import numpy\nprint('moved')\nx * 10", stateful=True,
                            on_output=lambda stream, text: heard.append(text))
    assert (moved.sandbox, moved.status, moved.value, moved.state) == ("fuller", "ok", "20", "kept")
    assert "".join(heard) == moved.stdout == "moved\n"
    later = await auto.exec("x", stateful=True)
    assert (later.sandbox, later.value) == ("fuller", "2")


async def test_files_go_along_with_cells(auto: Session) -> None:
    await auto.put("in", b"1")
    await auto.exec("open('out', 'w').write(open('in').read())", stateful=True)
    await auto.put("in", b"22")
    moved = await auto.exec("import numpy\n(open('in').read(), open('out').read())", stateful=True)
    assert moved.value == "('22', '1')"
    await auto.put("in", b"333")
    assert await auto.files() == [FileInfo("in", 3), FileInfo("out", 1)]
    assert (await auto.exec("open('in').read()", stateful=True)).value == "'333'"
    assert (await auto.exec("open('in').read()")).sandbox == "embedded"
    assert (await auto.exec("import numpy\nopen('in').read()")).value == "'333'"


async def test_what_was_heard_before_a_program_moved_is_not_heard_again(auto: Session) -> None:
    heard: list[str] = []
    result = await auto.exec("import sys\nprint('one')\nsys.exit()  # not in numpy\nprint('two')",
                             on_output=lambda stream, text: heard.append(text))
    assert (result.sandbox, "".join(heard)) == ("fuller", "one\ntwo\n")


async def test_cells_after_one_that_called_the_host_stay(auto: Session, fuller: Fuller) -> None:
    async def count() -> int:
        return 7

    assert (await auto.exec("x = count()", stateful=True, functions={"count": count})).status == "ok"
    result = await auto.exec("x = 8\nimport numpy", stateful=True)
    assert (result.status, result.state, result.sandbox) == ("unsupported", "rolled_back", "embedded")
    assert "module 'numpy'" in result.error and "called functions of the host" in result.error
    assert (await auto.exec("x", stateful=True)).value == "7"
    assert fuller.programs == []


async def test_a_program_that_called_a_function_of_the_host_is_not_run_again(auto: Session, fuller: Fuller) -> None:
    called: list[int] = []

    async def count() -> int:
        called.append(1)
        return 7

    result = await auto.exec("import sys\ncount()\nsys.exit()", functions={"count": count})
    assert (result.status, result.sandbox, called) == ("unsupported", "embedded", [1])
    assert "called functions of the host" in result.error
    assert fuller.programs == []
    assert (await auto.exec("import numpy\n'numpy'", functions={"count": count})).sandbox == "fuller"


async def test_cells_that_would_do_something_else_stay() -> None:
    other = Fuller(random=True)
    session = await AutoSandbox(EmbeddedSandbox(), lambda: other).open()
    await session.exec("x = 1\nx", stateful=True)
    for _ in range(2):
        result = await session.exec("import numpy", stateful=True)
        assert (result.status, result.state) == ("unsupported", "rolled_back")
        assert "did not do the same there" in result.error
    assert (await session.exec("x", stateful=True)).value == "1"
    assert other.programs == ["x = 1\nx"]
    await session.aclose()


async def test_cells_move_before_chance_comes_in(auto: Session) -> None:
    await auto.exec("x = 1", stateful=True)
    assert (await auto.exec("import random\nx", stateful=True)).sandbox == "fuller"
    assert (await auto.exec("import random\n1")).sandbox == "embedded"


async def test_a_cell_that_was_undone_does_not_go_along(auto: Session, fuller: Fuller) -> None:
    await auto.exec("x = 1", stateful=True)
    await auto.exec("x = 2\nwhile True: pass", Limits(timeout_s=0.3), stateful=True)
    assert (await auto.exec("import numpy\nx", stateful=True)).value == "1"
    assert fuller.programs == ["x = 1", "import numpy\nx"]


async def test_without_docker_cells_and_files_are_in_embedded() -> None:
    session = await AutoSandbox(EmbeddedSandbox(), Nowhere).open()
    await session.put("in", b"1")
    assert (await session.exec("import random\nx = open('in').read()", stateful=True)).sandbox == "embedded"
    needs = await session.exec("import numpy", stateful=True)
    assert (needs.status, needs.state) == ("unsupported", "rolled_back")
    assert "Start it." in needs.error
    assert (await session.exec("x", stateful=True)).value == "'1'"
    await session.aclose()


async def test_a_session_that_was_closed_leaves_nothing_open(fuller: Fuller) -> None:
    session = await AutoSandbox(EmbeddedSandbox(), lambda: fuller).open()
    await session.exec("import numpy")
    await session.exec("import numpy", stateful=True)
    await session.aclose()
    assert len(fuller.sessions) == 2
    for each in (session, *fuller.sessions):
        with pytest.raises(SandboxError, match="closed"):
            await each.exec("1")


@pytest.mark.docker
async def test_real_cells_move_to_docker(engine: Engine, image: str) -> None:
    sandbox = AutoSandbox(EmbeddedSandbox(), lambda: DockerSandbox(image))
    session = await sandbox.open()
    limits = Limits(timeout_s=60)
    await session.put("numbers.txt", b"1 2 3")
    first = await session.exec("numbers = [int(word) for word in open('numbers.txt').read().split()]\nnumbers", limits,
                               stateful=True)
    moved = await session.exec("import numpy\nfloat(numpy.mean(numbers))", limits, stateful=True)
    assert (first.sandbox, first.value) == ("embedded", "[1, 2, 3]")
    assert (moved.sandbox, moved.status, moved.value, moved.state) == ("docker", "ok", "2.0", "kept")
    await session.aclose()
    await sandbox.aclose()


@pytest.mark.docker
async def test_a_real_program_moves_to_docker(engine: Engine, image: str) -> None:
    sandbox = AutoSandbox(EmbeddedSandbox(), lambda: DockerSandbox(image))
    session = await sandbox.open()
    code = "from fractions import Fraction\nanswer = Fraction(1, 3) * 54"
    result = await session.exec(code, Limits(timeout_s=60), want="answer")
    assert (result.status, result.value, result.sandbox) == ("ok", "18", "docker")
    await session.aclose()
    await sandbox.aclose()
