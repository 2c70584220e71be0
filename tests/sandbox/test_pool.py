"""Whose box is whose, how many there are, and that every place is free again: with boxes that are no containers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from agentfix import SandboxBusyError, SandboxLostError
from agentfix.sandbox.docker import pool as pools
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.pool import Pool

A, B = (BoxKind("sha256:0", memory, 64, 1.0, 2**20) for memory in (2**28, 2**29))


@dataclass(eq=False)
class PlainBox:
    """What the pool knows of a box."""

    kind: BoxKind
    number: int
    stateful: bool = False
    broken: str = ""
    used: float = field(default_factory=time.monotonic)
    removed: bool = False
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def spoil(self, why: str) -> None:
        self.broken = self.broken or why

    async def ping(self) -> None:
        self.asked.set()
        await self.answers.wait()
        if self.broken:
            raise SandboxLostError("It is gone.")
        self.used = time.monotonic()

    async def remove(self) -> None:
        assert not self.removed
        self.spoil("it was removed")
        self.answers.set()
        await asyncio.sleep(0)
        self.removed = True


class Boxes:
    """Starts boxes, and counts those that there are."""

    def __init__(self) -> None:
        self.all: list[PlainBox] = []
        self.starting = self.most = 0
        self.failing = False

    @property
    def alive(self) -> list[PlainBox]:
        return [box for box in self.all if not box.removed]

    async def start(self, kind: BoxKind) -> PlainBox:
        self.starting += 1
        try:
            self.most = max(self.most, self.starting + len(self.alive))
            for _ in range(3):
                await asyncio.sleep(0)
            if self.failing:
                raise SandboxLostError("It did not start.")
            self.all.append(PlainBox(kind, len(self.all)))
            self.all[-1].answers.set()
            return self.all[-1]
        finally:
            self.starting -= 1


@pytest.fixture
async def boxes() -> AsyncIterator[Boxes]:
    yield Boxes()


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(30):
        await asyncio.sleep(0)


async def use(pool: Pool, tenant: object, kind: BoxKind = A, *, stateful: bool = False) -> PlainBox:
    box = await pool.lend(kind, tenant, stateful=stateful)
    box.stateful = box.stateful or stateful
    pool.take_back(box, tenant)
    return box


async def test_a_tenant_gets_its_own_box_again_and_nobody_else_s(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 4)
    assert await use(pool, "one") is await use(pool, "one")
    assert await use(pool, "one") is not await use(pool, "two")
    await pool.aclose()
    assert boxes.alive == []


async def test_programs_of_one_tenant_run_side_by_side_in_boxes_of_their_own(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 4)
    lent = [await pool.lend(A, "one") for _ in range(3)]
    assert len(set(lent)) == 3
    for box in lent:
        pool.take_back(box, "one")
    await pool.aclose()
    assert boxes.alive == []


async def test_when_a_tenant_leaves_its_boxes_are_removed(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 4)
    had = await use(pool, "one"), await use(pool, "one", stateful=True)
    await pool.leave("one")
    assert all(box.removed for box in had)
    assert await use(pool, "two") not in had
    await pool.aclose()


async def test_boxes_that_are_shared_go_on_to_others_unless_they_hold_variables(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1, share=True)
    plain = await use(pool, "one")
    await pool.leave("one")
    assert await use(pool, "two") is plain
    assert await use(pool, "two", stateful=True) is plain
    await pool.leave("two")
    assert plain.removed
    await pool.aclose()


async def test_a_kind_that_is_not_there_makes_another_s_idle_box_give_way(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    first = await use(pool, "one", A)
    second = await use(pool, "two", B)
    assert (first.removed, second.kind, boxes.most) == (True, B, 1)
    await pool.aclose()


async def test_the_box_that_was_used_longest_ago_gives_way(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 3)
    await settle()
    old, mid, new = [await pool.lend(A, name) for name in ("a", "b", "c")]
    for box, name, ago_s in ((old, "a", 3.0), (mid, "b", 2.0), (new, "c", 1.0)):
        pool.take_back(box, name)
        box.used = time.monotonic() - ago_s
    await use(pool, "d")
    assert [box.removed for box in (old, mid, new)] == [True, False, False]
    await pool.aclose()


async def test_places_are_given_in_the_order_in_which_they_were_asked_for(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    box, served = await pool.lend(A, "first"), list[int]()

    async def wait(number: int) -> None:
        lent = await pool.lend(A, number)
        served.append(number)
        await asyncio.sleep(0)
        pool.take_back(lent, number)

    waiting = [asyncio.ensure_future(wait(number)) for number in range(10)]
    await settle()
    assert served == []
    pool.take_back(box, "first")
    await asyncio.gather(*waiting)
    assert served == list(range(10))
    await pool.aclose()


async def test_a_box_with_variables_keeps_its_place_until_its_tenant_leaves(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 2)
    held = await use(pool, "one", stateful=True)
    others = [asyncio.ensure_future(use(pool, "two", B)) for _ in range(5)]
    await asyncio.gather(*others)
    assert await use(pool, "one", stateful=True) is held
    assert not held.removed and boxes.most <= 2
    await pool.leave("one")
    lent = await asyncio.gather(pool.lend(A, "three"), pool.lend(A, "three"))
    assert len(set(lent)) == 2
    for box in lent:
        pool.take_back(box, "three")
    await pool.aclose()


async def test_when_variables_hold_every_place_waiting_ends(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "BUSY_S", 0.01)
    pool = Pool(boxes.start, 2)
    for tenant in ("a", "b"):
        await use(pool, tenant, stateful=True)
    with pytest.raises(SandboxBusyError, match="All 2 boxes"):
        await pool.lend(A, "c")
    await pool.leave("a")
    await use(pool, "c")
    await pool.aclose()


async def test_a_place_whose_variables_died_is_free(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "BUSY_S", 0.01)
    pool = Pool(boxes.start, 1)
    died = await use(pool, "one", stateful=True)
    waiting = asyncio.ensure_future(pool.lend(A, "two"))
    await settle()
    died.spoil("its engine ended")
    lent = await waiting
    assert lent is not died
    pool.take_back(lent, "two")
    assert (await use(pool, "one", stateful=True)) not in (died, lent)
    await pool.aclose()
    assert boxes.alive == []


async def test_a_box_that_died_is_not_lent(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 3)
    for stateful in (False, True):
        died = await use(pool, "one", stateful=stateful)
        await settle()
        for box in boxes.alive:
            box.spoil("it ended")
        fresh = await use(pool, "one", stateful=stateful)
        assert died.removed and fresh is not died
    await pool.aclose()


async def test_a_box_that_is_not_heard_of_is_asked_before_it_is_lent(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    first = await use(pool, "one")
    first.used -= pools.CHECK_S + 1
    assert await use(pool, "one") is first
    first.used -= pools.CHECK_S + 1
    first.answers.clear()
    asking = asyncio.ensure_future(use(pool, "one"))
    await settle()
    first.spoil("it does not answer")
    first.answers.set()
    assert await asking is not first
    await pool.aclose()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle boxes are told all the time that their host is there."""
    monkeypatch.setattr(pools, "KEEP_S", 0.02)


@pytest.mark.usefixtures("often")
async def test_variables_are_found_while_their_box_is_being_checked(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 2)
    held = await use(pool, "one", stateful=True)
    held.answers.clear()
    held.used -= 1
    await held.asked.wait()
    asking = asyncio.ensure_future(use(pool, "one", stateful=True))
    await settle()
    assert not asking.done()
    held.answers.set()
    assert await asking is held
    await pool.aclose()


@pytest.mark.usefixtures("often")
async def test_a_tenant_that_leaves_while_its_box_is_being_checked_leaves_nothing(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    for stateful in (True, False):
        held = await use(pool, "one", stateful=stateful)
        held.answers.clear()
        held.used -= 1
        await held.asked.wait()
        await pool.leave("one")
        assert held.removed
        await use(pool, "two")
    await pool.aclose()


@pytest.mark.usefixtures("often")
async def test_a_place_is_found_while_the_only_idle_box_is_being_checked(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    idle = await use(pool, "one")
    idle.answers.clear()
    idle.used -= 1
    await idle.asked.wait()
    assert await use(pool, "two") is not idle
    await pool.aclose()


async def test_a_box_that_can_not_be_started_costs_no_place(boxes: Boxes) -> None:
    pool = Pool(boxes.start, 1)
    boxes.failing = True
    for _ in range(5):
        with pytest.raises(SandboxLostError):
            await pool.lend(A, "one")
    boxes.failing = False
    await use(pool, "one")
    await pool.aclose()


@pytest.mark.parametrize("turns", range(12))
async def test_who_stops_waiting_costs_no_place(boxes: Boxes, turns: int) -> None:
    pool = Pool(boxes.start, 2)
    await use(pool, "zero", B)
    box = await pool.lend(A, "first")
    waiting = [asyncio.ensure_future(use(pool, "second", kind)) for kind in (A, B, A, B)]
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[2].cancel()
    await asyncio.sleep(0)
    pool.take_back(box, "first")
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert not any(isinstance(each, Exception) for each in ended)
    await every_place_is_free(pool, 2)
    await pool.aclose()
    assert boxes.alive == []


@pytest.mark.parametrize("turns", range(1, 5))
async def test_a_tenant_that_stops_waiting_for_its_leave_has_left(boxes: Boxes, turns: int) -> None:
    pool = Pool(boxes.start, 1)
    box = await use(pool, "one", stateful=True)
    leaving = asyncio.ensure_future(pool.leave("one"))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    await settle()
    assert box.removed
    await every_place_is_free(pool, 1)
    await pool.aclose()


async def every_place_is_free(pool: Pool, max_boxes: int) -> None:
    async with asyncio.timeout(5):
        lent = [await pool.lend(A, "check") for _ in range(max_boxes)]
    for box in lent:
        pool.take_back(box, "check")


@pytest.mark.parametrize("seed", range(200))
async def test_whatever_tenants_do_there_are_never_too_many_boxes_nor_anybody_s_but_one_s_own(
        boxes: Boxes, seed: int) -> None:
    chance = random.Random(seed)
    max_boxes = chance.randint(1, 4)
    pool = Pool(boxes.start, max_boxes)
    owners: dict[PlainBox, object] = {}
    at_work: set[PlainBox] = set()

    async def tenant(name: int) -> None:
        stateful = name < max_boxes - 1 and chance.random() < 0.5  # as many as can hold variables at once
        for _ in range(6):
            box = await pool.lend(chance.choice((A, B)), name, stateful=stateful)
            assert owners.setdefault(box, name) == name and box not in at_work and not box.removed
            at_work.add(box)
            try:
                box.stateful = box.stateful or stateful
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                if chance.random() < 0.1:
                    box.spoil("its program broke it")
            finally:
                at_work.discard(box)
                pool.take_back(box, name)
            if chance.random() < 0.1:
                for each in boxes.alive:
                    each.used -= 100
        await pool.leave(name)

    async def guarded(name: int) -> None:
        try:
            await tenant(name)
        finally:
            await pool.leave(name)

    async def killer() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            if idle := [box for box in boxes.alive if box not in at_work]:
                chance.choice(idle).spoil("it ended")
            chance.choice(tasks).cancel()

    tasks = [asyncio.ensure_future(guarded(name)) for name in range(8)]
    killing = asyncio.ensure_future(killer())
    async with asyncio.timeout(20):
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    await killing
    assert [each for each in ended if isinstance(each, Exception)] == []
    assert boxes.most <= max_boxes
    await every_place_is_free(pool, max_boxes)
    await pool.aclose()
    assert boxes.alive == [] and boxes.most <= max_boxes
