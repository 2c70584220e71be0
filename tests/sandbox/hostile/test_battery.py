"""Every hostile program ends as its table says, and the next call finds what the first call found."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from agentfix import ExecResult, Session, load_settings
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.embedded import EmbeddedSandbox
from tests.sandbox.hostile import FAMILIES
from tests.sandbox.hostile.clean import LITTLE, LOOK
from tests.sandbox.hostile.program import ANY, LIMITS, Hostile

pytestmark = pytest.mark.asyncio(loop_scope="module")
IMAGE = load_settings().sandbox_image
GIVEN = {"given.txt": b"given", "folder.txt": b"more"}
PROGRAMS = [pytest.param(program, id=f"{family}: {program.name}")
            for family, programs in FAMILIES.items() for program in programs]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def docker(docker_missing: str) -> AsyncIterator[Session]:
    """One session for all, so that what one program leaves is found by the next."""
    if docker_missing:
        pytest.skip(docker_missing)
    sandbox = DockerSandbox(IMAGE)
    session = await sandbox.open()
    for path, data in GIVEN.items():
        await session.put(path, data)
    yield session
    await session.aclose()
    await sandbox.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surroundings(docker: Session) -> dict[str, Any]:
    """What an ordinary program finds before any hostile one has run."""
    return await look_around(docker)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded() -> AsyncIterator[Session]:
    sandbox = EmbeddedSandbox()
    session = await sandbox.open()
    for path, data in GIVEN.items():
        await session.put(path, data)
    yield session
    await session.aclose()
    await sandbox.aclose()


async def look_around(session: Session) -> dict[str, Any]:
    result = await session.exec(LOOK, LIMITS, want="answer")
    assert (result.status, result.stdout, result.stderr, result.error) == ("ok", "fine\n", "", "")
    assert result.artefacts == () and result.value is not None
    return json.loads(result.value)


async def run(session: Session, program: Hostile) -> ExecResult:
    limits = replace(LIMITS, timeout_s=program.timeout_s)
    result = await session.exec(program.code, limits, want="answer")
    check_shape(result)
    return result


def check_shape(result: ExecResult) -> None:
    """What holds for every result."""
    assert (result.status == "ok") == (result.exit_code == 0)
    assert result.status == "ok" or result.error
    assert result.status in ("ok", "error") or result.exit_code is None
    assert result.status == "ok" or result.value is None
    assert "\n" not in result.error and len(result.error) <= 2000
    for stream in (result.stdout, result.stderr):
        assert len(stream) <= 4 * LIMITS.output_bytes + 100, "each byte that is no text is shown as four characters"
    assert sum(len(each.data or b"") for each in result.artefacts) <= 16 * 2**20
    assert len(result.artefacts) <= 100


def check_value(value: str | None, expected: object) -> None:
    if isinstance(expected, Mapping):
        outcomes = ast.literal_eval(value or "{}")
        assert outcomes == {each: outcomes[each] if outcomes.get(each) in allowed.split("|") else allowed
                            for each, allowed in expected.items()}
    elif expected is not ANY:
        assert value == (None if expected is None else str(expected))


@pytest.mark.docker
@pytest.mark.parametrize("program", PROGRAMS)
async def test_docker_tells_how_it_ended_and_is_clean_afterwards(
        docker: Session, surroundings: dict[str, Any], program: Hostile) -> None:
    result = await run(docker, program)
    assert result.status in program.docker.split("|"), result
    assert result.state == "fresh"
    assert program.signal is None or result.signal == program.signal
    assert program.exit_code is None or result.exit_code == program.exit_code
    assert result.error.startswith(program.error)
    for text in program.shows:
        assert text in result.stdout + result.stderr
    if result.status == "ok":
        check_value(result.value, program.value)
    assert await look_around(docker) == surroundings


@pytest.mark.parametrize("program", PROGRAMS)
async def test_embedded_tells_how_it_ended_and_works_afterwards(embedded: Session, program: Hostile) -> None:
    result = await run(embedded, program)
    assert result.status in program.embedded.split("|"), result
    after = await embedded.exec(LITTLE, LIMITS, want="answer")
    assert (after.status, after.stdout, after.value) == ("ok", "fine\n", "328350")
    files = await embedded.exec("import os\n[(name, open(name).read()) for name in sorted(os.listdir('.'))]", LIMITS)
    assert files.value == "[('folder.txt', 'more'), ('given.txt', 'given')]"
