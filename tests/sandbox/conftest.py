from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from agentfix import Sandbox, SandboxUnavailableError, Session, load_settings
from agentfix.sandbox.auto import AutoSandbox
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine, open_engine
from agentfix.sandbox.docker.owners import this_owner
from agentfix.sandbox.embedded import EmbeddedSandbox

IMAGE = load_settings().sandbox_image


@pytest.fixture(scope="session")
def docker_missing() -> str:
    """Why the docker sandbox can't be tested here; empty when it can."""
    try:
        with open_engine() as engine:
            engine.require_image(IMAGE)
    except SandboxUnavailableError as error:
        return str(error)
    return ""


@pytest.fixture
def engine(docker_missing: str) -> Iterator[Engine]:
    """A connection to the engine; afterwards none of this process's containers may be left."""
    if docker_missing:
        pytest.skip(docker_missing)
    with open_engine() as engine:
        yield engine
        assert [each for each in engine.containers() if each.owner == this_owner()] == []


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the sandbox image."""
    return IMAGE


@pytest.fixture
async def docker(engine: Engine) -> AsyncIterator[Session]:
    sandbox = DockerSandbox(IMAGE)
    session = await sandbox.open()
    yield session
    await session.aclose()
    await sandbox.aclose()


@pytest.fixture
async def embedded() -> AsyncIterator[Session]:
    session = await EmbeddedSandbox().open()
    yield session
    await session.aclose()


@pytest.fixture(params=["embedded", "auto", pytest.param("docker", marks=pytest.mark.docker)])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    """Each sandbox in turn."""
    if request.param == "docker":
        request.getfixturevalue("engine")
    sandboxes: dict[str, Sandbox] = {
        "embedded": EmbeddedSandbox(), "docker": DockerSandbox(IMAGE),
        "auto": AutoSandbox(EmbeddedSandbox(), lambda: DockerSandbox(IMAGE)),
    }
    opened = await sandboxes[request.param].open()
    yield opened
    for each in (opened, opened, sandboxes[request.param], sandboxes[request.param]):
        await each.aclose()
