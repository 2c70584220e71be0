"""A few hundred of the malformed requests and clients that `python -m tests.bench.hostile` sends by the thousand."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random

import httpx2
import pytest

from tests.bench.hostile import malformed
from tests.bench.hostile.cheap import Cheap
from tests.bench.hostile.crowd import wave, wishes
from tests.server.served import serving
from tests.server.test_crowd import descriptors


def one_model(model):
    """Everything that is asked of `cheap:` is asked of the script's model."""
    from agentfix import hookimpl

    class Named:
        @hookimpl
        def agentfix_register_models(self, register) -> None:
            register("cheap", lambda build: model, "Writes the same program every time.")

    return {"cheap": Named()}


@pytest.mark.parametrize("sort", ["bodies", "garbage"])
async def test_malformed_requests_are_refused_and_leave_nothing_behind(sort, caplog):
    model, chance = Cheap(), random.Random(1)
    async with serving(model, extra=one_model(model), served=("cheap:",), max_rounds=2) as served:
        async with httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as asking:
            description = (await asking.get("/openapi.json")).json()
        requests = malformed.bodies(description, chance) if sort == "bodies" else malformed.garbage(chance)
        statuses, failed = await malformed.sent(served.port, requests, 250, ends=sort == "garbage")
        assert failed == [] and sum(statuses.values()) == 250 and statuses[400] > 100
        async with asyncio.timeout(20):
            while served.server.server_state.connections or served.api.desk.under_way:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_clients_that_leave_at_any_moment_leave_nothing_behind():
    model, chance = Cheap(), random.Random(0)
    async with serving(model, extra=one_model(model), served=("cheap:",), max_rounds=2) as served:
        tasks = len(asyncio.all_tasks())

        async def crowd() -> int:
            ended = await wave(served.port, 20, wishes(None, docker=False), chance)
            assert all(how == "answered" or how.startswith("left") for how in ended), ended
            async with asyncio.timeout(20):
                while (served.api.desk.under_way or model.asked or served.server.server_state.connections  # noqa: ASYNC110 - nothing tells of it
                       or len(asyncio.all_tasks()) > tasks):
                    await asyncio.sleep(0.01)
            return descriptors()

        kept, *later = [await crowd() for _ in itertools.repeat(None, 3)]
        assert max(later) <= kept + 2
