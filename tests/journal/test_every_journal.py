"""What holds for every journal: what is written is found again, kept once, and in order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from agentfix.digest import digest
from agentfix.errors import InputError, JournalError, RunUnderWayError
from agentfix.journal import Archive, SqliteJournal
from agentfix.protocols import CallKey, JournalledCall
from tests.journals import opened
from tests.postgres import new_database

ROOT = Path(__file__).parent.parent.parent
REQUEST = {"tool": "python", "arguments": {"code": "x" * 500}}
KEY = CallKey("run", "a0.run", digest(REQUEST))
NAMES = "abc"
WRITER = """
import asyncio, sys
from agentfix.protocols import CallKey
from tests.journals import opened

async def write(where, name):
    journal = opened(where)
    await journal.begin_run(name, {})
    for i in range(50):
        await journal.end(CallKey(name, f"a{i}", "d1"), {"q": "shared " * 50}, {"by": name})
    await journal.aclose()

asyncio.run(write(*sys.argv[1:]))
"""


BEGINNER = """
import asyncio, sys
from agentfix.protocols import CallKey
from tests.journals import opened

async def begin(where):
    journal = opened(where)
    await journal.header("run")
    print("ready", flush=True)
    input()
    for i in range(50):
        print(int(await journal.begin(CallKey("run", f"a{i}", "d1"), {})), end="", flush=True)
    await journal.aclose()

asyncio.run(begin(sys.argv[1]))
"""
HOLDER = """
import asyncio, sys
from tests.journals import opened

async def hold(where):
    journal = opened(where)
    async with journal.claim("run"):
        print("held", flush=True)
        input()

asyncio.run(hold(sys.argv[1]))
"""


def started(program, *arguments):
    """A process of its own, which may be told to go on."""
    return subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
async def journal(where):
    made = opened(where)
    await made.begin_run("run", {"task": "t"})
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    "reply", [{"text": "é \U0001f600" * 100}, {"half a pair": "\ud800" * 200}, {"short": "\ud800"},
              {"nul": "\0", "\0": "\0" * 200}])
async def test_a_call_that_ended_is_found_by_another_process(where, reply):
    journal = opened(where)
    await journal.begin_run("run", {"q": 1})
    assert await journal.find(KEY) is None and await journal.find_anywhere(KEY.digest) is None
    await journal.end(KEY, REQUEST, reply)
    await journal.aclose()
    again = opened(where)
    found = await again.find(KEY)
    assert found and (found.request, found.reply) == (REQUEST, reply)
    assert await again.find_anywhere(KEY.digest) == reply
    assert await again.header("run") == {"q": 1} and await again.header("other") is None
    await again.aclose()
    await again.aclose()


@pytest.fixture(scope="module")
def postgres_or_memory(request):
    """Makes a journal for each of many examples: in memory, or in one database for all of them."""
    made = []

    def make(kind):
        if kind == "sqlite":
            return SqliteJournal(None)
        if not made:
            context = new_database(request.getfixturevalue("postgres"))
            made.append(context.__enter__())
            request.addfinalizer(lambda: context.__exit__(None, None, None))
        return opened(made[0])

    return make


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5) | st.text(min_size=97, max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["$text", "$object", "a", "b"]), inner, max_size=2),
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@given(value=json_values)
@trying(max_examples=60)
def test_any_json_comes_back_as_it_was(kind, postgres_or_memory, value):
    async def there_and_back():
        journal = postgres_or_memory(kind)
        await journal.begin_run("run", {"value": value})
        header = await journal.header("run")
        await journal.aclose()
        return header

    assert asyncio.run(there_and_back()) == {"value": value}


async def test_a_call_in_doubt_is_begun_once_and_ends_once(journal):
    assert await journal.begin(KEY, REQUEST)
    assert not await journal.begin(KEY, REQUEST)
    assert await journal.find(KEY) == JournalledCall(KEY.place, KEY.digest, REQUEST, None)
    assert await journal.find_anywhere(KEY.digest) is None
    await journal.end(KEY, REQUEST, {"done": True})
    (call,) = await journal.calls("run")
    assert call.reply == {"done": True}


async def test_calls_come_in_the_order_in_which_they_ended(journal):
    keys = [CallKey("run", place, "00") for place in ("a", "b", "c")]
    await journal.begin(keys[0], {})
    for key in (keys[2], keys[1]):
        await journal.end(key, {}, {})
    assert [call.place for call in await journal.calls("run")] == ["c", "b", "a"]


async def test_a_record_takes_the_place_of_an_earlier_one(journal):
    for key, value in (("0", 1), ("1", 2), ("0", 3)):
        await journal.record("run", "attempt", key, {"value": value})
    assert await journal.records("run", "attempt") == [{"value": 3}, {"value": 2}]


def test_processes_share_a_new_journal(where):
    writers = [
        started(WRITER, where, name) for name in NAMES
    ]
    assert [(w.communicate()[1], w.returncode) for w in writers] == [("", 0)] * len(NAMES)
    journal = opened(where)
    for name in NAMES:
        assert [call.reply for call in asyncio.run(journal.calls(name))] == [{"by": name}] * 50
    Archive(journal).remove(NAMES)
    assert Archive(journal).clear().texts == 1, "what all of them said was kept once"
    asyncio.run(journal.aclose())


def test_of_processes_that_race_to_begin_a_call_one_may_make_it(where):
    async def prepare():
        journal = opened(where)
        await journal.begin_run("run", {})
        await journal.aclose()

    asyncio.run(prepare())
    racing = [started(BEGINNER, where) for _ in range(2)]
    for process in racing:
        assert process.stdout.readline() == "ready\n"
    for process in racing:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in racing]
    assert [{one, other} for one, other in zip(*said, strict=True)] == [{"0", "1"}] * 50


async def test_a_claim_ends_with_a_process_that_is_killed(where, journal):
    with started(HOLDER, where) as holder:
        assert holder.stdout.readline() == "held\n"
        (row,) = journal.rows()
        assert row.under_way and not journal.rows("other") and journal.state("run")[-1]
        with pytest.raises(InputError, match="under way in another process"):
            async with journal.claim("run"):
                pass
        async with journal.claim("another"):
            pass
        holder.kill()
        holder.communicate()
    async with journal.claim("run"):
        await journal.record("run", "attempt", "0", {})
        assert not journal.rows()[0].under_way, "it is this process that is at work"


async def test_a_run_under_way_is_not_forgotten(where, journal):
    await journal.begin_run("other", {})
    with started(HOLDER, where) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunUnderWayError, match="'run' is under way"):
            Archive(journal).remove(["other", "run"])
        assert Archive(journal).clear(older_than_days=0).runs == 1
        assert journal.names("") == ["run"]
        holder.communicate("\n")
    Archive(journal).remove(["run"])
    assert journal.names("") == []


async def test_a_claim_is_held_whatever_else_its_process_asks(where, journal):
    async with journal.claim("run"):
        with pytest.raises(RunUnderWayError):
            async with journal.claim("run"):
                pass
        journal.rows()
        with started(HOLDER, where) as holder:
            assert "RunUnderWayError" in holder.communicate("\n")[1]


async def test_a_claim_is_free_after_it(where, journal):
    other = opened(where)
    for holder in (journal, other, journal):
        async with holder.claim("run"):
            await holder.record("run", "attempt", "0", {})
    await other.aclose()


async def test_what_is_written_of_no_run_is_refused(journal):
    for writing in (journal.begin(CallKey("no", "a", "00"), {}), journal.end(CallKey("no", "a", "00"), {}, {}),
                    journal.record("no", "attempt", "0", {})):
        with pytest.raises(JournalError, match="no run 'no'"):
            await writing
    assert await journal.calls("no") == [] and await journal.records("no", "attempt") == []


async def test_a_journal_that_was_closed_says_so(where):
    journal = opened(where)
    await journal.header("run")
    await journal.aclose()
    await journal.aclose()
    with pytest.raises(JournalError):
        await journal.header("run")
