"""The journal in PostgreSQL: lost connections, servers that stop, other people's tables, and passwords."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from agentfix.agent import Agent
from agentfix.errors import ConfigError, JournalError
from agentfix.journal import open_journal
from agentfix.protocols import CallKey
from agentfix.settings import WITH_SECRETS, Settings, load_settings
from tests.postgres import private_server, programs

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'agentfix[postgres]'")

from agentfix.journal.postgres import PostgresJournal  # noqa: E402 - an optional package

ROOT = Path(__file__).parent.parent.parent
OPENER = """
import asyncio, sys
from agentfix.journal.postgres import PostgresJournal

async def write(url, name):
    print("ready", flush=True)
    input()
    journals = [PostgresJournal(url) for _ in range(10)]
    await asyncio.gather(*(j.begin_run(f"{name}-{i}", {}) for i, j in enumerate(journals)))
    await asyncio.gather(*(j.aclose() for j in journals))

asyncio.run(write(*sys.argv[1:]))
"""
BACKENDS = "FROM pg_stat_activity WHERE application_name = 'agentfix' AND pid <> pg_backend_pid()"
LOCKED = "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"


def key(place="a0.run"):
    return CallKey("run", place, "00")


def ask(url, query, *parameters):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query, parameters or None).fetchall()


def terminate(url, which=""):
    """Have the server end our connections, and wait until they are gone."""
    here = f"{BACKENDS} AND datname = current_database() {which}"
    ended = ask(url, f"SELECT pg_terminate_backend(pid, 10000) {here}")
    assert ended and all(row[0] for row in ended)


async def some_wait(url):
    """Until one of our statements waits for a lock."""
    waiting = f"SELECT 1 {BACKENDS} AND wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(ask, url, waiting):
            pass


@pytest.fixture
async def journal(database):
    made = PostgresJournal(database)
    await made.begin_run("run", {})
    yield made
    await made.aclose()


# --- connections that are lost ---------------------------------------------------------------------------------------


async def test_connections_that_were_lost_are_replaced(database, journal):
    await asyncio.gather(*(journal.end(key(f"a{i}"), {}, {}) for i in range(20)))
    terminate(database)
    await journal.end(key("later"), {}, {"done": 1})
    terminate(database)
    assert (await journal.find(key("later"))).reply == {"done": 1}
    terminate(database)
    assert await journal.begin(key("begun"), {}) and not await journal.begin(key("begun"), {})
    assert len(await journal.calls("run")) == 22


class Forgetful:
    """Stands between us and the server. Once it is told to, it loses a reply, and with it the connection."""

    def __init__(self, port):
        self._port, self.lose = port, False

    async def serve(self, reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)

        async def back():
            while data := await server_reader.read(65536):
                if self.lose:
                    self.lose = False
                    break
                writer.write(data)
            writer.close()

        returning = asyncio.create_task(back())
        while data := await reader.read(65536):
            server_writer.write(data)
        server_writer.close()
        await returning


async def test_a_call_of_which_nobody_knows_whether_it_was_begun_is_in_doubt(database, journal):
    port = psycopg.conninfo.conninfo_to_dict(database)["port"]
    between = Forgetful(int(port))
    async with await asyncio.start_server(between.serve, "127.0.0.1", 0) as proxy:
        lossy = PostgresJournal(database.replace(port, str(proxy.sockets[0].getsockname()[1])))
        assert await lossy.begin(key("sure"), {})
        between.lose = True
        assert not await lossy.begin(key("unsure"), {}), "it was begun, by whomever"
        assert (await journal.find(key("unsure"))).reply is None
        between.lose = True
        await lossy.end(key("sure"), {}, {"done": 1})
        between.lose = True
        assert (await lossy.find(key("sure"))).reply == {"done": 1}
        assert not between.lose and len(await journal.calls("run")) == 2
        await lossy.aclose()


async def test_a_holder_whose_connection_was_lost_holds_its_run_again(database, journal):
    other = PostgresJournal(database)
    async with journal.claim("run"):
        await journal.record("run", "attempt", "0", {})
        terminate(database, LOCKED)
        await journal.record("run", "attempt", "1", {})
        assert other.rows()[0].under_way
        with pytest.raises(Exception, match="under way in another process"):
            async with other.claim("run"):
                pass
    async with other.claim("run"):
        await other.record("run", "attempt", "2", {})
    await other.aclose()


@pytest.mark.parametrize("ended", [False, True], ids=["the other is at work", "the other has ended"])
async def test_who_was_superseded_writes_nothing_more(database, journal, ended):
    other = PostgresJournal(database)
    async with journal.claim("run"):
        assert await journal.begin(key("before"), {})
        terminate(database, LOCKED)
        async with other.claim("run"):
            if ended:
                await other.record("run", "attempt", "0", {})
            else:
                await refused(journal)
        if ended:
            await refused(journal)
    async with other.claim("run"):
        await other.end(key("before"), {}, {"known": 1})
    assert [call.place for call in await other.calls("run")] == ["before"]
    assert len(await other.records("run", "attempt")) == ended
    await other.aclose()


async def refused(journal):
    for writing in (journal.begin(key("after"), {}), journal.end(key("before"), {}, {"late": 1}),
                    journal.record("run", "attempt", "9", {}), journal.begin_run("run", {"late": 1})):
        with pytest.raises(JournalError, match=r"taken up by another process.*agentfix resume run"):
            await writing


async def test_a_write_under_way_holds_up_who_takes_the_run_up(database, journal):
    """What was begun under the older claim is either refused, or seen by the newer one."""
    other = PostgresJournal(database)
    with psycopg.connect(database) as writing:
        async with journal.claim("run"):
            writing.execute("SELECT number FROM agentfix.runs WHERE id = 'run' FOR SHARE")  # as every write does
            terminate(database, LOCKED)
            entering = asyncio.create_task(other.claim("run").__aenter__())
            await some_wait(database)
            assert not entering.done()
            writing.commit()
            await entering
            await refused(journal)
    await other.aclose()


async def test_a_task_cancelled_in_a_statement_leaves_the_journal_sound(database, journal):
    with psycopg.connect(database) as blocking:
        blocking.execute("LOCK TABLE agentfix.calls")
        ending = [asyncio.create_task(journal.end(key(f"a{i}"), {}, {"n": i})) for i in range(10)]
        await some_wait(database)
        for task in ending:
            task.cancel()
        blocking.commit()
        assert all(isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(*ending, return_exceptions=True))
    await asyncio.gather(*(journal.end(key(f"b{i}"), {}, {}) for i in range(10)))
    assert {call.place for call in await journal.calls("run")} >= {f"b{i}" for i in range(10)}


async def test_a_claim_cancelled_while_it_is_taken_is_free(database, journal):
    other = PostgresJournal(database)
    with psycopg.connect(database) as blocking:
        blocking.execute("SELECT 1 FROM agentfix.runs FOR UPDATE")
        taking = asyncio.create_task(journal.claim("run").__aenter__())
        await some_wait(database)
        taking.cancel()
        blocking.commit()
        with pytest.raises(asyncio.CancelledError):
            await taking
    async with other.claim("run"):
        pass
    await other.aclose()


def test_one_journal_serves_several_event_loops(database):
    journal = PostgresJournal(database)
    asyncio.run(journal.begin_run("run", {}))
    for i in range(3):
        asyncio.run(journal.end(key(f"a{i}"), {}, {}))
    assert len(asyncio.run(journal.calls("run"))) == 3
    asyncio.run(journal.aclose())


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here: apt-get install postgresql")
async def test_a_server_that_is_started_anew_or_is_gone():
    with private_server() as server:
        journal = PostgresJournal(server.url)
        await journal.begin_run("run", {})
        async with journal.claim("run"):
            await journal.end(key("a"), {}, {})
            for mode in ("fast", "immediate"):
                server.stop(mode)
                server.start()
                await journal.end(key(mode), {}, {"after": mode})
            assert len(await journal.calls("run")) == 3
            server.stop()
            with pytest.raises(JournalError, match=r"can't be written.*refused.*go on: agentfix resume") as caught:
                await journal.record("run", "attempt", "0", {})
        assert "\n" not in str(caught.value)
        server.start()
        assert len(await journal.calls("run")) == 3, "and it serves again"
        await journal.aclose()


# --- an empty database, and others' -----------------------------------------------------------------------------------


def test_fifty_workers_open_an_empty_database_at_once(database):
    workers = [subprocess.Popen([sys.executable, "-c", OPENER, database, str(i)], cwd=ROOT, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for i in range(5)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    said = []
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        said.append((worker.communicate()[1], worker.returncode))
    assert said == [("", 0)] * 5
    assert ask(database, "SELECT count(*) FROM agentfix.runs") == [(50,)]


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here: apt-get install postgresql")
async def test_more_workers_than_the_server_has_connections_wait_for_each_other():
    async def work(number, url):
        journal = PostgresJournal(url)
        await journal.begin_run(f"run{number}", {})
        await journal.aclose()

    with private_server(max_connections=6) as server:
        await asyncio.gather(*(work(number, server.url) for number in range(12)))
        assert ask(server.url, "SELECT count(*) FROM agentfix.runs") == [(12,)]


@pytest.mark.parametrize(("spoilt", "complaint"), [
    ("CREATE TABLE agentfix.recipes (name text)", "'recipes' is something else's"),
    ("CREATE TABLE agentfix.version (name text)", "'version' is something else's"),
    ("CREATE TABLE agentfix.version AS SELECT 99 AS version", "a newer agentfix \\(schema 99\\)"),
    ("CREATE TABLE agentfix.version AS SELECT 0 AS version", "an older agentfix \\(schema 0\\)"),
])
async def test_tables_of_something_else_are_left_alone(database, spoilt, complaint):
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA agentfix")
        connection.execute(spoilt)
    journal = PostgresJournal(database)
    with pytest.raises(JournalError, match=complaint) as caught:
        await journal.header("run")
    assert "\n" not in str(caught.value)
    await journal.aclose()
    assert len(ask(database, "SELECT 1 FROM pg_tables WHERE schemaname = 'agentfix'")) == 1


async def test_it_lives_beside_an_application_s_tables_in_a_schema_made_for_it(database):
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE runs (mine text)")
        connection.execute("CREATE SCHEMA agentfix")
    journal = PostgresJournal(database)
    await journal.begin_run("run", {})
    await journal.aclose()
    assert ask(database, "SELECT count(*) FROM runs") == [(0,)]


async def test_a_damaged_text_names_its_run(database, journal):
    await journal.end(key(), {"q": "long " * 50}, {})
    ask(database, "WITH gone AS (DELETE FROM agentfix.texts RETURNING 1) SELECT count(*) FROM gone")
    with pytest.raises(JournalError, match=r"damaged.*'run'.*agentfix runs rm RUN"):
        await journal.calls("run")


# --- the setting, and its password ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("journal", "complaint"), [
    ("mysql://host/db", "file, memory, file-or-memory or postgresql"), ("files", "file, memory"),
    ("postgresql://me:s3cr@t@host/db", "written %40")])
def test_what_is_no_journal_is_said_without_showing_it(tmp_path, journal, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_settings(directory=tmp_path, environment={"AGENTFIX_JOURNAL": journal})
    assert journal not in str(caught.value) and "s3cr" not in str(caught.value)


@pytest.mark.parametrize(("url", "error"), [
    ("postgresql://me:s3cr3t%zz@127.0.0.1/db", ConfigError),
    ("postgresql://me:s3cr3t@127.0.0.1:1/db", JournalError),
    ("postgresql://me:s3cr3t@127.0.0.1:1/db?connect_timeout=s3cr3t", JournalError)])
async def test_a_password_is_never_shown(url, error):
    settings = Settings(journal=url, model="scripted:")
    assert "s3cr3t" not in repr(settings) + str(settings)
    with pytest.raises(error) as caught:
        journal, _ = open_journal(settings)
        try:
            await journal.header("run")
        finally:
            await journal.aclose()
    told = str(caught.value)
    assert "s3cr3t" not in told and "\n" not in told and (error is ConfigError or "db on 127.0.0.1:1" in told)


def test_settings_that_are_written_out_hold_no_password():
    settings = Settings(journal="postgresql://me:s3cr3t@host/db")
    assert "s3cr3t" not in settings.model_dump_json() and "s3cr3t" not in str(settings.model_dump(mode="json"))
    sent = settings.model_dump_json(exclude_unset=True, context={WITH_SECRETS: True})
    assert Settings.model_validate_json(sent) == settings, "workers are told it"


async def test_an_agent_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [name for name in sys.modules if name.startswith("agentfix.journal.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"pip install 'agentfix\[postgres\]'"):
        Agent(Settings(journal="postgresql://host/db"))
