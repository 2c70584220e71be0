"""A run that one worker leaves is taken up by another: each has its own connections to one journal in PostgreSQL."""

from __future__ import annotations

import json

import pytest

from agentfix.agent import Agent
from agentfix.journal import open_journal
from agentfix.plugins import Plugins
from agentfix.settings import Settings
from agentfix.testing import ScriptedModel, script_plugin
from tests.journal.test_postgres import BACKENDS, LOCKED, ask, terminate
from tests.postgres import private_server, programs
from tests.test_resuming import CRASH, DERIVED, QUESTION, RIGHT, PowerCut, Stamp, approved, plain


def worker(url, script, *plugins, **chosen):
    settings = Settings(model="scripted:", sandbox="embedded", journal=url, **chosen)
    extra = {f"extra{i}": plugin for i, plugin in enumerate(plugins)}
    return Agent(settings, Plugins(settings, {"script": script_plugin(script), **extra}), on_approval=approved)


class Meddling(ScriptedModel):
    """Something happens while it answers for the second time."""

    def __init__(self, script, happen):
        super().__init__(script)
        self._happen, self._asked = happen, 0

    async def generate(self, request, *, on_delta=None):
        self._asked += 1
        if self._asked == 2:
            await self._happen()
        return await super().generate(request, on_delta=on_delta)


async def test_a_run_cut_off_at_any_model_call_ends_on_another_worker(database):
    script = [CRASH, RIGHT, DERIVED]
    async with worker(database, ScriptedModel(script)) as one:
        whole = await one.arun(QUESTION, run_id="whole")
    for cut in range(3):
        run = f"cut{cut}"
        with pytest.raises(PowerCut):
            async with worker(database, ScriptedModel([*script[:cut], PowerCut()])) as one:
                await one.arun(QUESTION, run_id=run)
        after = ScriptedModel(script[cut:])
        async with worker(database, after) as other:
            result = await other.aresume(run)
            assert (result.answer, result.reason, result.usage) == (whole.answer, whole.reason, whole.usage)
            assert plain(await other.areplay(run)).answer == "60"
        after.assert_done()


async def test_a_worker_holds_one_connection(database):
    held = []

    async def count():
        held.extend(ask(database, f"SELECT count(*) {BACKENDS} AND datname = current_database()"))

    async with worker(database, Meddling([CRASH, RIGHT, DERIVED], count)) as one:
        await one.arun(QUESTION)
    assert held == [(1,)]


async def test_a_call_in_doubt_is_in_doubt_on_another_worker(database):
    stamp = Stamp(cut=True)
    with pytest.raises(PowerCut):
        async with worker(database, ScriptedModel([RIGHT]), stamp, critics=("stamp",)) as one:
            await one.arun(QUESTION, run_id="r")
    async with worker(database, ScriptedModel([]), stamp, critics=("stamp",)) as other:
        assert "nobody knows whether it happened" in (await other.aresume("r")).stop_reason
    assert stamp.stamped == 1


async def test_a_worker_that_lost_its_run_to_another_ends_and_says_where_it_goes_on(database):
    script = [CRASH, RIGHT, DERIVED]

    async def lose():
        terminate(database, LOCKED)
        async with worker(database, ScriptedModel(script[1:])) as other:
            assert (await other.aresume("r")).answer == "60"

    async with worker(database, Meddling(script, lose)) as one:
        result = await one.arun(QUESTION, run_id="r")
    assert "taken up by another process" in result.stop_reason and "agentfix resume r" in result.stop_reason
    async with worker(database, ScriptedModel([])) as other:
        assert (await other.aresume("r")).stop_reason != result.stop_reason, "the result is that of the other"
        calls = await (await other.open_journal()).calls("r")
    assert len(calls) == len({(call.place, call.digest) for call in calls})


async def test_a_connection_lost_while_a_model_answers_changes_nothing(database):
    async def lose():
        terminate(database)

    async with worker(database, Meddling([CRASH, RIGHT, DERIVED], lose)) as one:
        assert (await one.arun(QUESTION, run_id="r")).answer == "60"


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here: apt-get install postgresql")
async def test_a_server_that_goes_away_ends_the_run_with_what_there_is():
    with private_server() as server:

        async def stop():
            server.stop()

        async with worker(server.url, Meddling([CRASH, RIGHT, DERIVED], stop)) as one:
            result = await one.arun(QUESTION, run_id="r")
        assert "refused" in result.stop_reason and "agentfix resume" in result.stop_reason
        assert len(result.attempts) >= 1
        server.start()
        async with worker(server.url, ScriptedModel([RIGHT, DERIVED])) as other:
            assert (await other.aresume("r")).answer == "60"


async def test_no_password_is_journalled_or_recorded(database, tmp_path):
    url = database.replace("postgres@", "postgres:s3cr3t@")
    record = tmp_path / "recording.jsonl"
    async with worker(url, ScriptedModel([CRASH, RIGHT, DERIVED]), record=record) as one:
        result = await one.arun(QUESTION, run_id="r")
        journal, _ = open_journal(one.settings)
        held = [await journal.header("r"), [dict(call.request) for call in await journal.calls("r")]]
        await journal.aclose()
    assert result.answer == "60" and "s3cr3t" not in json.dumps(held) + record.read_text(encoding="utf-8")
