"""What a session does when its box goes away, or whoever asked does."""

from __future__ import annotations

import asyncio

import pytest

from agentfix import Limits, SandboxFileError, Session
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.docker.owners import this_owner

pytestmark = pytest.mark.docker
LIMITS = Limits(timeout_s=30)


def kill_all_boxes(engine: Engine) -> None:
    for each in engine.containers():
        if each.owner == this_owner():
            engine.remove(each.id)


async def test_a_cell_after_the_box_died_begins_anew_and_says_so(engine: Engine, docker: Session) -> None:
    await docker.put("given", b"given")
    assert (await docker.exec("x = 41", LIMITS, stateful=True)).state == "fresh"
    assert (await docker.exec("x += 1", LIMITS, stateful=True)).state == "kept"
    await asyncio.to_thread(kill_all_boxes, engine)
    result = await docker.exec("open('given').read(), 'x' in globals()", LIMITS, stateful=True)
    assert (result.status, result.value, result.state) == ("ok", "('given', False)", "fresh")
    assert (await docker.exec("y = 1", LIMITS, stateful=True)).state == "kept"


async def test_a_program_after_every_idle_box_died_runs_in_a_new_one(engine: Engine, docker: Session) -> None:
    for _ in range(2):
        results = await asyncio.gather(*(docker.exec("print(1)", LIMITS) for _ in range(3)))
        assert [result.stdout for result in results] == ["1\n"] * 3
        await asyncio.to_thread(kill_all_boxes, engine)


async def test_who_stops_waiting_for_a_file_leaves_the_next_its_own(docker: Session) -> None:
    await docker.put("large", bytes(8_000_000))
    await docker.put("small", b"small")
    await docker.exec("x = 1", LIMITS, stateful=True)
    for rounds in range(20):
        getting = asyncio.ensure_future(docker.get("large"))
        for _ in range(rounds):
            await asyncio.sleep(0)
        getting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await getting
        assert await docker.get("small") == b"small"
    assert (await docker.exec("x", LIMITS, stateful=True)).value == "1"


async def test_more_names_than_a_list_holds_are_refused_and_the_session_goes_on(docker: Session) -> None:
    deep = "import os\npath = '/'.join(['d' * 255] * 15)\nos.makedirs(path)\n"
    many = "for number in range(1000):\n    open(f'{path}/{number}', 'w').close()\nx = 1"
    assert (await docker.exec(deep + many, LIMITS, stateful=True)).status == "ok"
    with pytest.raises(SandboxFileError, match="too long for a list"):
        await docker.files()
    assert (await docker.exec("x", LIMITS, stateful=True)).value == "1"
