"""The memory of strategies: what is in it that no strategy wrote, what can't be kept, and two who learn at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3

import pytest

from agentfix import JournalError
from agentfix.journal import SqliteMemory
from tests.journals import opened_memory


async def learn(where, change):
    memory = opened_memory(str(where))
    try:
        await memory.learn("mine", "math", change)
    finally:
        await memory.aclose()


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 3000 + "1" + "}" * 3000, "[1]", "5", "no", b"\xff\xfe"],
                         ids=["deep", "deep objects", "a list", "a number", "no JSON", "bytes"])
async def test_what_can_t_be_read_is_said_with_a_way_out(tmp_path, data):
    file = tmp_path / "memory.sqlite"
    await learn(file, lambda _: {"runs": 1})
    with sqlite3.connect(file) as db:
        db.execute("UPDATE memory SET data = ?", (data,))
    memory = SqliteMemory(file)
    for work in (memory.recall("mine", "math"), memory.all(), memory.learn("mine", "math", dict)):
        with pytest.raises(JournalError, match="delete that file"):
            await work
    assert await memory.forget("mine") == 1
    assert await memory.recall("mine", "math") == {}
    await memory.aclose()


async def test_a_table_of_another_program_is_said(tmp_path):
    file = tmp_path / "memory.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE memory (strategy, kind, data)")
        db.execute("INSERT INTO memory VALUES ('mine', 'math', 5)")
    with pytest.raises(JournalError):
        await SqliteMemory(file).recall("mine", "math")


async def recalled(where):
    memory = opened_memory(where)
    try:
        return await memory.recall("mine", "math"), await memory.all(), await memory.forget()
    finally:
        await memory.aclose()


@pytest.mark.parametrize("learnt", [None, 5, ["a"], {"a": {1}}, {(1, 2): 3}, {"a": "x" * 300_000}], ids=repr)
async def test_what_can_t_be_kept_leaves_what_was_there(where, learnt):
    await learn(where, lambda _: {"runs": 1, "said": "\0 \ud800"})
    with pytest.raises(JournalError, match="'mine'"):
        await learn(where, lambda _: learnt)
    held = {"runs": 1, "said": "\0 \ud800"}
    assert await recalled(where) == (held, [("mine", "math", held)], 1)
    assert await recalled(where) == ({}, [], 0)


def count(where, times):
    for _ in range(times):
        asyncio.run(learn(where, lambda held: {"runs": held.get("runs", 0) + 1}))


def test_processes_that_learn_at_once_lose_nothing(where):
    spawn = multiprocessing.get_context("spawn")
    learners = [spawn.Process(target=count, args=(where, 10)) for _ in range(2)]
    for learner in learners:
        learner.start()
    for learner in learners:
        learner.join()
    assert [learner.exitcode for learner in learners] == [0, 0]
    assert asyncio.run(recalled(where))[0] == {"runs": 20}
