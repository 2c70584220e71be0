from __future__ import annotations

from typing import Any

import pytest

from agentfix import ExecResult, Limits, SandboxUnavailableError, Session
from agentfix.sandbox.auto import AutoSandbox
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.embedded import EmbeddedSandbox
from agentfix.sandbox.engine import Engine


class Elsewhere:
    """A sandbox and session that note the programs they are given."""

    name = "elsewhere"

    def __init__(self) -> None:
        self.programs: list[str] = []

    async def open(self) -> Elsewhere:
        return self

    async def exec(self, code: str, limits: Limits = Limits(), **options: Any) -> ExecResult:
        self.programs.append(code)
        return ExecResult("ok", sandbox=self.name)

    async def aclose(self) -> None:
        pass


class Nowhere:
    """A sandbox that can't be had."""

    name = "nowhere"

    async def open(self) -> Session:
        raise SandboxUnavailableError("There is no engine.", "Start it.")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("code", [
    "import statistics", "def f():\n    yield 1", "'a'.maketrans('a', 'b')", "from collections import ChainMap",
])
async def test_a_program_that_needs_more_moves(code: str) -> None:
    elsewhere = Elsewhere()
    session = await AutoSandbox(EmbeddedSandbox(), lambda: elsewhere).open()
    assert (await session.exec("answer = 1", want="answer")).sandbox == "embedded"
    assert (await session.exec(code)).sandbox == "elsewhere"
    assert elsewhere.programs == [code]
    await session.aclose()


async def test_a_lack_is_remembered() -> None:
    elsewhere = Elsewhere()
    session = await AutoSandbox(EmbeddedSandbox(), lambda: elsewhere).open()
    await session.exec("import sys\nsys.exit(3)")
    result = await session.exec("import sys\nif False:\n    sys.exit(4)")
    assert result.sandbox == "elsewhere"
    await session.aclose()


async def test_without_docker_the_need_is_told() -> None:
    session = await AutoSandbox(EmbeddedSandbox(), Nowhere).open()
    result = await session.exec("import numpy")
    assert (result.status, result.sandbox) == ("unsupported", "embedded")
    assert "module 'numpy'" in result.error and "Start it." in result.error
    assert (await session.exec("answer = 1", want="answer")).value == "1"
    await session.aclose()


@pytest.mark.docker
async def test_a_real_program_moves_to_docker(engine: Engine, image: str) -> None:
    sandbox = AutoSandbox(EmbeddedSandbox(), lambda: DockerSandbox(image))
    session = await sandbox.open()
    code = "from fractions import Fraction\nanswer = Fraction(1, 3) * 54"
    result = await session.exec(code, Limits(timeout_s=60), want="answer")
    assert (result.status, result.value, result.sandbox) == ("ok", "18", "docker")
    await session.aclose()
    await sandbox.aclose()
