"""The engine ends and is started again while programs run and sessions are open."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agentfix import Limits, SandboxError, SandboxLostError
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import open_engine
from tests.sandbox.engines import OwnEngine, why_none

# The engine's client leaves sockets open when a connection breaks.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore:unclosed")]
LIMITS = Limits(timeout_s=120)
ENDS = pytest.mark.parametrize("ends_by", [signal.SIGKILL, signal.SIGTERM])


@pytest.fixture(scope="module")
def own_engine(docker_missing: str, image: str) -> Iterator[OwnEngine]:
    """An engine that only these tests use, with the image."""
    if reason := docker_missing or why_none():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="agentfix-engine-") as folder, pytest.MonkeyPatch.context() as patch:
        engine = OwnEngine(Path(folder))
        try:
            engine.start()
            engine.load(image)
            patch.setenv("DOCKER_HOST", engine.address)
            yield engine
        except OSError as error:
            pytest.skip(str(error))
        finally:
            engine.close()


@pytest.fixture(autouse=True)
def sockets_of_the_client() -> Iterator[None]:
    """Those that it left open are closed before the next test, where they would count."""
    yield
    gc.collect()


def boxes_left() -> int:
    with open_engine() as engine:
        return len(engine.containers())


@ENDS
async def test_a_program_under_way_is_lost_once_and_never_run_again(
        own_engine: OwnEngine, image: str, ends_by: signal.Signals) -> None:
    sandbox = DockerSandbox(image, max_boxes=2)
    session = await sandbox.open()
    begun, heard = asyncio.Event(), list[str]()

    def hear(stream: str, text: str) -> None:
        heard.append(text)
        begun.set()

    running = asyncio.ensure_future(
        session.exec("print('begun')\nwhile True: pass", LIMITS, on_output=hear))
    await begun.wait()
    await asyncio.to_thread(own_engine.end, ends_by)
    with pytest.raises(SandboxLostError, match="was lost"):
        await running
    with pytest.raises(SandboxError, match="engine"):
        await session.exec("print(1)", LIMITS)
    await asyncio.to_thread(own_engine.start)
    results = await asyncio.gather(*(session.exec("print(1)", LIMITS) for _ in range(4)))
    assert [result.stdout for result in results] == ["1\n"] * 4
    await session.aclose()
    await sandbox.aclose()
    assert heard == ["begun\n"]
    assert boxes_left() == 0


@ENDS
async def test_sessions_that_were_idle_begin_anew_and_every_place_is_free_again(
        own_engine: OwnEngine, image: str, ends_by: signal.Signals) -> None:
    sandbox = DockerSandbox(image, max_boxes=2)
    sessions = [await sandbox.open() for _ in range(2)]
    for session in sessions:
        await session.put("given", b"given")
        assert (await session.exec("x = 1", LIMITS, stateful=True)).state == "fresh"
    await asyncio.to_thread(own_engine.end, ends_by)
    await asyncio.to_thread(own_engine.start)
    for session in sessions:
        result = await session.exec("open('given').read(), 'x' in globals()", LIMITS, stateful=True)
        assert (result.value, result.state) == ("('given', False)", "fresh")
        assert (await session.exec("y = 1", LIMITS, stateful=True)).state == "kept"
        await session.aclose()
    later = [await sandbox.open() for _ in range(2)]
    for session in later:
        assert (await session.exec("x = 1", LIMITS, stateful=True)).state == "fresh"
    for session in later:
        await session.aclose()
    await sandbox.aclose()
    assert boxes_left() == 0
