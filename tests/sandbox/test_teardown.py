"""No container is left behind, however its maker ends."""

from __future__ import annotations

import asyncio
import json
import sys
from subprocess import run
from typing import Any

import pytest

from agentfix import Limits
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.docker.owners import this_owner

pytestmark = pytest.mark.docker
KILLS = 20
BOXES = 200
LIMITS = Limits(timeout_s=60)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("state", ["idle", "busy", "printing", "cell", "upload"])
def test_a_second_after_its_maker_is_killed_a_container_is_gone(engine: Engine, image: str, state: str) -> None:
    report = kill(state, KILLS, image)
    assert all(containers == 1 for containers, _ in report["killed"])
    # On a machine where the engine takes long to remove anything, it takes as long for this.
    within_s = max(1.0, 5 * report["removal_s"])
    assert [gone_s for _, gone_s in report["killed"] if gone_s is None or gone_s > within_s] == []


@pytest.mark.timeout(900)
def test_what_a_killed_maker_had_not_started_is_swept_up(engine: Engine, image: str) -> None:
    report = kill("starting", KILLS // 2, image)
    assert all(gone_s is not None for _, gone_s in report["killed"])


@pytest.mark.timeout(900)
async def test_none_of_many_boxes_is_left(engine: Engine, image: str) -> None:
    sandbox = DockerSandbox(image, max_boxes=4)
    turns = asyncio.Semaphore(4)
    made: set[str] = set()

    async def use(number: int) -> None:
        async with turns:
            session = await sandbox.open()
            result = await session.exec("x = 1", LIMITS, stateful=bool(number % 2))
            assert result.status == "ok"
            made.update(each.id for each in await asyncio.to_thread(engine.containers) if each.owner == this_owner())
            await session.aclose()

    await asyncio.gather(*(use(number) for number in range(BOXES)))
    await sandbox.aclose()
    assert len(made) >= BOXES
    assert [each for each in engine.containers() if each.owner == this_owner()] == []


def kill(state: str, times: int, image: str) -> dict[str, Any]:
    """Let processes get into a state and be killed there; see tests/sandbox/dying.py."""
    command = [sys.executable, "-m", "tests.sandbox.dying", state, str(times), image]
    return json.loads(run(command, capture_output=True, text=True, check=True).stdout)
