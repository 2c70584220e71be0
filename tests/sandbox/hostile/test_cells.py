"""What a hostile cell does to its session is told, and neither later cells nor other programs suffer from more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from agentfix import Sandbox, Session, load_settings
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.embedded import EmbeddedSandbox
from tests.sandbox.hostile.cells import CELLS, HostileCell
from tests.sandbox.hostile.clean import LITTLE
from tests.sandbox.hostile.program import LIMITS

pytestmark = pytest.mark.asyncio(loop_scope="module")
AFTERWARDS = replace(LIMITS, timeout_s=5)
"""A session that a cell spoilt may hang: not for long."""
BY_NAME = [pytest.param(cell, id=cell.name) for cell in CELLS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def docker_sandbox(docker_missing: str) -> AsyncIterator[Sandbox]:
    if docker_missing:
        pytest.skip(docker_missing)
    sandbox = DockerSandbox(load_settings().sandbox_image)
    yield sandbox
    await sandbox.aclose()


async def suffer(session: Session, cell: HostileCell, status: str, states: str) -> None:
    first = await session.exec("x = 41", LIMITS, stateful=True)
    assert (first.status, first.state) == ("ok", "fresh")
    result = await session.exec(cell.code, replace(LIMITS, timeout_s=cell.timeout_s), stateful=True)
    assert result.status in status.split("|") and result.state in states.split("|"), result
    after = await session.exec("x + 1", AFTERWARDS, stateful=True)
    if result.state == "lost":
        assert (after.status, after.state) == ("error", "fresh") and "'x' is not defined" in after.error
    elif not cell.spoils:
        assert (after.status, after.value, after.state) == ("ok", "42", "kept")
    elif after.state == "lost":
        assert (await session.exec("x = 1\nx + 1", AFTERWARDS, stateful=True)).value == "2"
    program = await session.exec(LITTLE, LIMITS, want="answer")
    assert (program.status, program.stdout, program.value) == ("ok", "fine\n", "328350")


@pytest.mark.parametrize("cell", BY_NAME)
async def test_the_embedded_sandbox_tells_what_became_of_the_session(cell: HostileCell) -> None:
    sandbox = EmbeddedSandbox()
    session = await sandbox.open()
    try:
        await suffer(session, cell, *cell.embedded)
    finally:
        await sandbox.aclose()


@pytest.mark.docker
@pytest.mark.parametrize("cell", BY_NAME)
async def test_docker_tells_what_became_of_the_session(docker_sandbox: Sandbox, cell: HostileCell) -> None:
    session = await docker_sandbox.open()
    try:
        await suffer(session, cell, cell.status, cell.states)
    finally:
        await session.aclose()
