"""Nobody waits for PostgreSQL without end, and nobody is made to: a standstill, a fork, a clearing, a restart."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import pytest

from agentfix.errors import ConfigError, InputError, JournalError
from agentfix.journal import Archive
from agentfix.protocols import CallKey
from tests.journal.test_postgres import LOCKED, ask, psycopg, some_wait, terminate
from tests.postgres import private_server, programs

from agentfix.journal.postgres import PostgresJournal, PostgresMemory, patience  # isort: skip - psycopg is optional

LONG = "a text that is kept by its hash " * 20


@pytest.fixture
async def journal(database):
    made = PostgresJournal(database)
    await made.begin_run("run", {})
    yield made
    await made.aclose()


class Standstill:
    """Stands between us and the server; what comes once it was told to stop is taken, and goes nowhere."""

    def __init__(self, port):
        self._port, self.going, self.serving = port, asyncio.Event(), set()
        self.going.set()

    async def serve(self, reader, writer):
        async def pump(source, target):
            with suppress(ConnectionError):
                while data := await source.read(65536):
                    await self.going.wait()
                    target.write(data)
            target.close()

        self.serving.add(asyncio.current_task())
        writers = [writer]
        try:
            await self.going.wait()
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
            writers.append(server_writer)
            await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))
        finally:
            for each in writers:
                each.transport.abort()
                with suppress(ConnectionError):
                    await each.wait_closed()


@pytest.fixture
async def stalling(database, monkeypatch):
    """A journal behind a proxy that may come to a standstill."""
    monkeypatch.setattr(patience, "STATEMENT_S", 0.5)
    monkeypatch.setattr(patience, "REACH_S", 2.5)
    monkeypatch.setattr(patience, "GIVEN_UP_S", 0.3)
    port = psycopg.conninfo.conninfo_to_dict(database)["port"]
    between = Standstill(int(port))
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    url = database.replace(port, str(server.sockets[0].getsockname()[1]))
    made = PostgresJournal(f"{url}?connect_timeout=2")
    await made.begin_run("run", {})
    yield made, between
    between.going.set()
    await made.aclose()
    server.close()
    for serving in between.serving:  # a connection that was not made in time is closed when nobody knows it any more
        serving.cancel()
    await asyncio.gather(*between.serving, return_exceptions=True)


async def test_a_server_that_says_nothing_is_an_error_and_is_used_again(stalling):
    journal, between = stalling
    async with asyncio.timeout(30), journal.claim("run"):
        between.going.clear()
        with pytest.raises(JournalError, match="can't be written"):
            await journal.record("run", "attempt", "0", {})
        between.going.set()
        await journal.record("run", "attempt", "0", {})
        assert len(await journal.records("run", "attempt")) == 1


async def test_who_is_cancelled_while_a_server_says_nothing_is_so_soon(stalling, monkeypatch):
    monkeypatch.setattr(patience, "STATEMENT_S", 1000.0)
    journal, between = stalling
    async with asyncio.timeout(30):
        async with journal.claim("run"):
            between.going.clear()
            writing = asyncio.create_task(journal.record("run", "attempt", "0", {}))
            await asyncio.wait([writing], timeout=0.1)
            writing.cancel()
            await asyncio.wait([writing], timeout=0.05)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        reading = asyncio.create_task(journal.header("run"))
        await asyncio.wait([reading], timeout=0.1)
        await journal.aclose()
        with pytest.raises(JournalError):
            await reading


async def test_a_lock_that_a_dead_connection_still_holds_is_no_other_process(database, journal):
    locks = "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory'"
    with psycopg.connect(database, autocommit=True) as lingering:
        async with journal.claim("run"):
            held = ask(database, locks)
            terminate(database, LOCKED)
            lingering.execute("SELECT pg_advisory_lock(%s)", held[0])
            await journal.record("run", "attempt", "0", {})
    assert len(await journal.records("run", "attempt")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork_the_child_is_told_to_open_its_own(database):
    journal = PostgresJournal(database)
    asyncio.run(journal.begin_run("run", {}))
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for use in (lambda: asyncio.run(journal.header("run")), journal.rows):
                with pytest.raises(JournalError, match="before this process was forked"):
                    use()
            asyncio.run(journal.aclose())
            os.write(writes, b"told")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writes)
    assert os.read(reads, 100) == b"told"
    os.close(reads)
    asyncio.run(journal.record("run", "attempt", "0", {}))
    asyncio.run(journal.aclose())


async def test_others_write_while_it_is_found_what_is_left_over(database, journal):
    for run in ("old", "gone"):
        await journal.begin_run(run, {"text": f"{LONG}{run}"})
    Archive(journal).remove(["gone"])
    with psycopg.connect(database) as holding:
        holding.execute("SELECT FROM agentfix.runs WHERE id = 'old' FOR SHARE")
        clearing = asyncio.create_task(asyncio.to_thread(journal.clear, 0.0))
        await some_wait(database)
        other = PostgresJournal(database)
        async with asyncio.timeout(10):
            await other.begin_run("new", {"text": LONG})
        await other.aclose()
        holding.commit()
    assert (await clearing).texts == 2
    assert await journal.header("new") == {"text": LONG}


async def test_a_text_that_is_used_after_it_was_found_left_over_is_kept(database, journal):
    await journal.record("run", "attempt", "0", {"text": LONG})
    await journal.record("run", "attempt", "0", {})
    with psycopg.connect(database) as writing:
        writing.execute("LOCK TABLE agentfix.texts IN ROW EXCLUSIVE MODE")  # as every write does
        clearing = asyncio.create_task(asyncio.to_thread(journal.clear, None))
        await some_wait(database)
        writing.execute("UPDATE agentfix.runs SET uses = ARRAY(SELECT hash FROM agentfix.texts)")
        writing.commit()
    assert (await clearing).texts == 0
    ask(database, "UPDATE agentfix.runs SET uses = '{}' RETURNING 1")
    assert journal.clear(None).texts == 1


async def test_a_claim_outlives_a_server_that_ends_idle_sessions(database):
    holder = PostgresJournal(f"{database}?options=-cidle_session_timeout%3D400")
    other = PostgresJournal(database)
    await holder.begin_run("run", {})
    async with holder.claim("run"):
        await asyncio.to_thread(ask, database, "SELECT pg_sleep(0.8)::text")
        assert other.rows()[0].under_way
    for made in (holder, other):
        await made.aclose()


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here: apt-get install postgresql")
async def test_a_run_that_begins_while_the_server_is_started_anew_waits_for_it():
    with private_server() as server:
        journal = PostgresJournal(server.url)
        await journal.begin_run("run", {})
        server.stop()
        claim = journal.claim("next")
        entering = asyncio.create_task(claim.__aenter__())
        await asyncio.wait([entering], timeout=0.3)
        assert not entering.done()
        await asyncio.to_thread(server.start)
        await entering
        await journal.begin_run("next", {})
        await claim.__aexit__(None, None, None)
        await journal.aclose()


# --- what is said -----------------------------------------------------------------------------------------------------


async def test_a_schema_that_was_made_for_it_needs_no_right_to_make_one(database):
    role = f"app_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            url = database.replace("postgres@", f"{role}@")
            journal = PostgresJournal(url)
            with pytest.raises(JournalError, match=r"permission denied.*CREATE on the database"):
                await journal.header("run")
            await journal.aclose()
            connection.execute(f"CREATE SCHEMA agentfix AUTHORIZATION {role}")
            journal = PostgresJournal(url)
            await journal.begin_run("run", {})
            await journal.aclose()
        finally:
            connection.execute(f"DROP OWNED BY {role} CASCADE")
            connection.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(("options", "advice"), [
    ("options=-cdefault_transaction_read_only%3Don", "may write"), ("sslmode=bogus", "Mend the journal's URL"),
    ("service=nobody", "Mend the journal's URL"), ("user=nobody", "Mend the journal's URL"),
    ("dbname=nothing", "Mend the journal's URL"), ("port=1", "try again")])
async def test_what_helps_is_said(database, options, advice):
    journal = PostgresJournal(f"{database}?{options}")
    with pytest.raises(JournalError, match=advice) as caught:
        await journal.header("run")
    assert "resume" not in str(caught.value)
    await journal.aclose()


@pytest.mark.parametrize("url", [
    "postgresql://me:s3/cret@127.0.0.1/db", "postgresql://me:12/cret@127.0.0.1/db", "postgresql://u:cret/s:s@",
    "postgresql://127.0.0.1:cret/db"])
def test_a_password_that_would_be_taken_for_a_name_is_refused_unsaid(url):
    with pytest.raises(ConfigError, match="%2F") as caught:
        PostgresJournal(url)
    assert "cret" not in str(caught.value)


async def test_a_short_password_garbles_no_message():
    journal = PostgresJournal("postgresql://me:e@127.0.0.1:1/db")
    with pytest.raises(JournalError, match="refused"):
        await journal.header("run")
    await journal.aclose()


@pytest.mark.parametrize("name", ["x\0y", "\ud800"])
async def test_a_name_that_can_not_be_kept_is_no_damage(journal, name):
    for using in (journal.header(name), journal.begin_run(name, {}), journal.find(CallKey(name, "a", "00")),
                  journal.claim(name).__aenter__()):
        with pytest.raises(InputError, match="no name"):
            await using


async def test_what_a_strategy_raises_while_it_learns_is_its_own(database):
    memory = PostgresMemory(database)

    def change(_held):
        raise KeyError("boom")

    with pytest.raises(KeyError, match="boom"):
        await memory.learn("strategy", "kind", change)
    await memory.aclose()
    with pytest.raises(JournalError, match=r"memory of strategies.*memory = false"):
        await PostgresMemory("postgresql://me@127.0.0.1:1/db").recall("strategy", "kind")
