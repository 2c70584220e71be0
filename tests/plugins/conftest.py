"""Sandboxes for tools that run programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentfix import SandboxUnavailableError, Session, load_settings
from agentfix.plugins import Plugins


@pytest.fixture
async def embedded() -> AsyncIterator[Session]:
    session = await Plugins(load_settings()).build("sandbox", "embedded").open()
    yield session
    await session.aclose()


@pytest.fixture
async def docker() -> AsyncIterator[Session]:
    sandbox = Plugins(load_settings()).build("sandbox", "docker")
    try:
        session = await sandbox.open()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    yield session
    await session.aclose()
    await sandbox.aclose()


@pytest.fixture(params=["embedded", pytest.param("docker", marks=pytest.mark.docker)])
def session(request: pytest.FixtureRequest) -> Session:
    """Each sandbox in turn."""
    return request.getfixturevalue(request.param)
