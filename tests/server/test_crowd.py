"""Many clients at once, some of which leave."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from agentfix import Completion, Delta
from tests.server.served import MODEL, QUESTION, RIGHT, serving
from tests.server.test_chat import client

CLIENTS = int(os.environ.get("SERVER_CLIENTS", "20"))


class Slow:
    """A model that takes a moment, and counts who waits for it."""

    name = "slow"

    def __init__(self) -> None:
        self.waiting = 0

    async def generate(self, request, *, on_delta=None):
        self.waiting += 1
        try:
            for _ in range(5):
                await asyncio.sleep(0.01)
                if on_delta is not None:
                    on_delta(Delta("word "))
            return [Completion(RIGHT) for _ in range(request.n)]
        finally:
            self.waiting -= 1

    async def aclose(self) -> None:
        pass


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
async def test_a_crowd_of_which_some_leave_leaves_nothing_behind():
    model, chance = Slow(), random.Random(0)
    async with serving(model, max_rounds=2) as served:
        async def ask(number: int) -> str:
            async with client(served) as asking:
                stream = await asking.chat.completions.create(
                    model=f"none/{MODEL}", messages=[{"role": "user", "content": f"{QUESTION} ({number})"}],
                    stream=True)
                leaves, said = chance.random() < 0.3, ""
                try:
                    async for chunk in stream:
                        if leaves:
                            return "left"
                        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                finally:
                    await stream.close()
                return said

        async def wave() -> int:
            said = await asyncio.gather(*(ask(number) for number in range(CLIENTS)))
            assert {*said} == {"60", "left"}
            async with asyncio.timeout(20):
                while (served.api.desk.under_way or model.waiting or served.server.server_state.connections  # noqa: ASYNC110 - nothing tells of it
                       or len(asyncio.all_tasks()) > tasks):
                    await asyncio.sleep(0.01)
            return descriptors()

        tasks = len(asyncio.all_tasks())
        kept = await wave()  # sandboxes keep what they may use again
        assert await wave() <= kept + 2
