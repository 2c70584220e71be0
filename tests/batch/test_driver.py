"""The driver: one answer for each job, whatever becomes of workers. They are simulated."""

from __future__ import annotations

import collections
import random
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import AgentFixError, Settings, Task
from agentfix.batch import Answered, Batch, BatchTask, Job, Limits, LocalEngine, Lost, Noticed, Ready, Unrecorded
from agentfix.errors import JournalError
from tests.simulated import SimulatedEngine, line


def tasks(count):
    return [BatchTask(f"t{number}", Task(f"Question {number}")) for number in range(count)]


async def results(batch, engine, stop_after=None):
    lines = []
    async with aclosing(batch.run(engine)) as told:
        async for one in told:
            lines.append(one)
            if len(lines) == stop_after:
                batch.stop("enough")
    return lines


@given(seed=st.integers(0, 2**32), workers=st.integers(1, 100), places=st.integers(1, 8), count=st.integers(0, 300),
       dying=st.floats(0, 0.2), twice=st.floats(0, 0.5), given_up=st.floats(0, 1))
async def test_each_result_is_there_once(seed, workers, places, count, dying, twice, given_up):
    engine = SimulatedEngine(workers, random.Random(seed), places, dying=dying, twice=twice, given_up=given_up)
    batch = Batch(tasks(count), Settings())
    names = [one["id"] for one in await results(batch, engine)]
    assert len(names) == len(set(names)) == count == batch.tally.done
    assert not batch.left and not batch.stopped


@given(seed=st.integers(0, 2**32), dying=st.floats(0, 0.2))
async def test_a_limit_ends_the_handing_out_and_what_is_under_way_ends(seed, dying):
    engine = SimulatedEngine(10, random.Random(seed), 2, dying=dying, given_up=0)
    batch = Batch(tasks(500), Settings(), limits=Limits(max_tokens=10_000))
    lines = await results(batch, engine)
    assert 100 <= len(lines) <= 100 + 10 * 2 and batch.stopped == "tokens" and batch.left == 500 - len(lines)


async def test_a_run_whose_cost_nobody_knows_uses_a_limit_of_cost_up():
    unknown = {**line(Job("t0", "r", Task("q"))), "usage": {"cost": None}}
    batch = Batch(tasks(3), Settings(), limits=Limits(max_cost=5.0))
    engine = Stubborn(lambda job: Answered("w", job.id, {**unknown, "id": job.id}))
    assert len(await results(batch, engine)) == 1 and batch.stopped == "cost"


async def test_what_is_stopped_ends_with_what_is_under_way():
    batch = Batch(tasks(100), Settings())
    lines = await results(batch, SimulatedEngine(2, random.Random(0), 3), stop_after=10)
    assert 10 <= len(lines) <= 16 and batch.stopped == "enough" and batch.left == 100 - len(lines)


class Stubborn:
    """One worker with a place, that says what it is told to, and is replaced when it is lost."""

    def __init__(self, say, places=1):
        self._say, self._places = say, places
        self.handed = collections.Counter()

    async def start(self, tell):
        self._tell = tell
        tell(Ready("w", self._places))

    def hand(self, worker, job):
        self.handed[job.id] += 1
        news = self._say(job)
        self._tell(news)
        if isinstance(news, Lost):
            self._tell(Ready("w", self._places))

    def give_up(self, worker, reason):
        self._tell(Lost(worker, reason))
        self._tell(Ready(f"after {worker}", self._places))

    async def aclose(self):
        pass


async def test_a_task_that_kills_every_worker_fails_and_the_others_do_not():
    def say(job):
        return Lost("w", "out of memory") if job.id == "t3" else Answered("w", job.id, line(job))

    engine = Stubborn(say, places=4)
    lines = {one["id"]: one for one in await results(Batch(tasks(8), Settings()), engine)}
    assert len(lines) == 8 and "workers died under it; the last one: out of memory" in lines["t3"]["error"]
    assert [name for name, one in lines.items() if one["error"] is not None] == ["t3"]


async def test_first_tasks_go_round_the_workers():
    class Two(Stubborn):
        async def start(self, tell):
            self._tell, self.hands = tell, []
            tell(Ready("v", 4))
            tell(Ready("w", 4))

        def hand(self, worker, job):
            self.hands.append(worker)
            if len(self.hands) == 4:
                for place, name in enumerate(self.hands):
                    self._tell(Answered(name, f"t{place}", line(Job(f"t{place}", "r", job.task))))

    engine = Two(None)
    assert len(await results(Batch(tasks(4), Settings()), engine)) == 4 and engine.hands == ["v", "w", "v", "w"]


async def test_a_worker_that_is_stuck_is_given_up_when_its_task_is_long_overdue(monkeypatch):
    monkeypatch.setattr("agentfix.batch.batches.ENDING_S", 0.01)

    class Stuck(Stubborn):
        def hand(self, worker, job):
            if worker != "w":
                self._tell(Answered(worker, job.id, line(job)))

    batch, told = Batch(tasks(3), Settings(max_seconds=0.01)), []
    async with aclosing(batch.run(Stuck(None), told.append)) as lines:
        assert len([one async for one in lines]) == 3
    assert told == ["w was lost with 1 runs, which go on elsewhere: no answer to 't0' after 0 s"]


async def test_a_journal_that_cannot_be_written_ends_the_batch_after_what_is_under_way():
    def say(job):
        if job.id == "t1":
            return Unrecorded("w", job.id, JournalError("The disk is full."))
        return Answered("w", job.id, line(job))

    batch = Batch(tasks(100), Settings())
    with pytest.raises(JournalError, match="The disk is full"):
        await results(batch, Stubborn(say, places=4))
    assert 3 <= batch.tally.answered <= 6 and not batch.tally.failed


class FullDisk:
    """An agent whose journal takes nothing."""

    def __init__(self, settings):
        self.settings = settings

    async def __aenter__(self):
        return self

    async def __aexit__(self, *args):
        pass

    async def arun(self, task, *, run_id=None):
        raise JournalError("The journal can't be written: disk full.")


async def test_a_run_that_cannot_be_recorded_is_no_failed_task():
    batch = Batch(tasks(50), Settings())
    with pytest.raises(JournalError, match="disk full"):
        await results(batch, LocalEngine(Settings(), concurrency=2, make_agent=FullDisk))
    assert batch.tally.done == 0 and batch.left == 50


async def test_what_an_engine_notices_is_told():
    class Noticing(Stubborn):
        async def start(self, tell):
            tell(Noticed("no worker could be placed"))
            await super().start(tell)

    told = []
    async with aclosing(Batch(tasks(1), Settings()).run(Noticing(lambda job: Answered("w", job.id, line(job))),
                                                       told.append)) as lines:
        assert len([one async for one in lines]) == 1
    assert told == ["no worker could be placed"]


async def test_workers_that_all_die_end_the_batch():
    with pytest.raises(AgentFixError, match="nothing was answered meanwhile; the last one: no module"):
        await results(Batch(tasks(100), Settings()), Stubborn(lambda job: Lost("w", "no module")))


async def test_an_answer_of_a_worker_that_was_given_up_counts_once():
    class GivenUp(Stubborn):
        def hand(self, worker, job):
            self._tell(Lost("w", "not heard of"))
            self._tell(Answered("w", job.id, {**line(job), "answer": "late"}))
            self._tell(Answered("w", job.id, {**line(job), "answer": "later"}))
            self._tell(Ready("other", 1))

    [one, two] = await results(Batch(tasks(2), Settings()), GivenUp(None))
    assert (one["answer"], two["answer"]) == ("late", "late")
