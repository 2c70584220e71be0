"""What people do with a journal: find runs in it, forget them, and have the space back, whoever writes meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentfix.digest import digest
from agentfix.errors import InputError, JournalError
from agentfix.journal import Archive, SqliteJournal
from agentfix.protocols import CallKey
from tests.journals import opened

ROOT = Path(__file__).parent.parent
LONG = "A long text, kept once. " * 50

WRITER = """
import asyncio, select, sys
from agentfix.protocols import CallKey
from tests.journals import opened

async def write(where):
    journal = opened(where)
    await journal.begin_run("writing", {"task": {"question": "shared " * 50}})
    for i in range(100_000):
        text = f"text {i} " * 30
        await journal.end(CallKey("writing", f"a{i}.model", "d1"), {"q": text}, {"a": text[::-1]})
        await journal.record("writing", "attempt", "0", {"text": f"written anew {i} " * 30})
        if i == 0:
            print("begun", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            print(i + 1, flush=True)
            return

asyncio.run(write(sys.argv[1]))
"""


def key(run: str, place: str = "a0.model") -> CallKey:
    return CallKey(run, place, digest({"q": place}))


def call(asked, said):
    """The request and the reply of a tool call."""
    return ({"tool": "echo", "arguments": {"text": asked}},
            {"observation": {"tool": "echo", "status": "ok", "text": said}, "seconds": 0.1})


@pytest.fixture
async def journal(where):
    made = opened(where)
    yield made
    await made.aclose()


@pytest.fixture
async def file(tmp_path):
    """A journal in a file."""
    made = SqliteJournal(tmp_path / "journal.sqlite")
    yield made
    await made.aclose()


def make_old(where: str, begun: float) -> None:
    """Have all runs begun then."""
    if "://" not in where:
        with sqlite3.connect(where) as db:
            db.execute("UPDATE runs SET begun = ?", (begun,))
        return
    import psycopg

    with psycopg.connect(where) as connection:
        connection.execute("UPDATE agentfix.runs SET begun = %s", (begun,))


def writing(where: str) -> Callable[[], int]:
    """Have another process write; gives what stops it and says how many calls it wrote."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, where], cwd=ROOT, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return lambda: int(process.communicate("enough\n")[0])


async def test_clearing_up_takes_nothing_from_a_process_that_writes(journal, where):
    await journal.begin_run("old", {})
    for i in range(50):
        await journal.end(key("old", f"a{i}.model"), {"q": f"{i} {LONG}"}, {"a": f"{LONG} {i}" * 20})
    stop = writing(where)
    archive = Archive(journal)
    archive.remove(["old"])
    first = archive.clear()
    for _ in range(5):
        archive.clear()
    written = stop()
    calls = await journal.calls("writing")
    assert first.texts >= 100
    assert len(calls) == written
    assert all(call.reply and call.reply["a"] == call.request["q"][::-1] for call in calls)
    assert (await journal.header("writing")) == {"task": {"question": "shared " * 50}}
    if isinstance(journal, SqliteJournal):
        assert journal.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


async def test_the_file_is_smaller_after_clearing_up_and_what_is_shared_stays(file, tmp_path):
    for run in ("gone", "kept"):
        await file.begin_run(run, {"task": {"question": LONG}})
        await file.end(key(run), *call(LONG, f"{run} {list(range(5000))}"))
    archive = Archive(file)
    archive.clear()
    before = (tmp_path / "journal.sqlite").stat().st_size
    archive.remove(["gone"])
    freed = archive.clear()
    assert (freed.runs, freed.texts) == (0, 1)
    assert freed.bytes == before - (tmp_path / "journal.sqlite").stat().st_size > 0
    story = await archive.story("kept")
    assert story.summary.question == LONG and story.steps[0].request == call(LONG, "")[0]
    with pytest.raises(JournalError, match="no run 'gone'"):
        await archive.story("gone")


async def test_what_is_shared_stays(journal):
    for run in ("gone", "kept"):
        await journal.begin_run(run, {"task": {"question": LONG}})
        await journal.end(key(run), *call(LONG, f"{run} {list(range(5000))}"))
    archive = Archive(journal)
    archive.remove(["gone"])
    freed = archive.clear()
    assert (freed.runs, freed.texts) == (0, 1) and freed.bytes > 0
    story = await archive.story("kept")
    assert story.summary.question == LONG and story.steps[0].request == call(LONG, "")[0]
    assert [run.id for run in archive.runs()] == ["kept"] and archive.state("kept")[0] == 1


async def test_a_run_is_old_when_nothing_has_happened_in_it_for_long(journal, where):
    month = 30 * 86_400
    for run in ("idle", "busy"):
        await journal.begin_run(run, {})
    make_old(where, time.time() - month)
    await journal.end(key("busy"), {"q": 1}, {"a": 1})
    archive = Archive(journal)
    assert archive.clear(older_than_days=31).runs == 0
    assert archive.clear(older_than_days=29).runs == 1
    (left,) = archive.runs()
    assert left.id == "busy" and left.last_active > left.begun + month - 60


async def test_what_was_forgotten_under_a_running_process_is_not_written_into_another_run(journal, where):
    await journal.begin_run("a", {})
    await journal.end(key("a"), {"q": 1}, {"a": 1})
    other = opened(where)
    Archive(other).remove(["a"])
    await other.begin_run("b", {})
    with pytest.raises(JournalError, match="no run 'a'"):
        await journal.end(key("a", "a1.model"), {"q": 2}, {"a": 2})
    assert await other.calls("b") == []
    await other.aclose()


async def test_a_file_that_can_not_be_made_smaller_is_said_and_keeps_what_is_wanted(file):
    for run in ("gone", "kept"):
        await file.begin_run(run, {})
        await file.end(key(run), *call("1", f"{run} {list(range(5000))}"))
    archive = Archive(file)
    archive.remove(["gone"])
    cursor = file.db.execute("SELECT 1 UNION SELECT 2")  # SQLite refuses to copy a file that is being read
    cursor.fetchone()
    with pytest.raises(JournalError, match="could not be made smaller") as caught:
        archive.clear()
    cursor.close()
    assert "Later runs use the space" in str(caught.value)
    assert len((await archive.story("kept")).steps) == 1 and archive.clear().bytes > 0


@pytest.mark.parametrize(("name", "error", "said"), [
    ("2", InputError, "7 runs begin with '2': 26, 25, 24, 23, 22, ... "), ("", JournalError, "no run ''"),
    ("3", JournalError, "no run '3'"), ("%", JournalError, "no run '%'"),
])
async def test_a_name_that_is_not_one_run_is_not_guessed(journal, name, error, said):
    for run in ("2-", "21", "22", "23", "24", "25", "26"):
        await journal.begin_run(run, {})
    with pytest.raises(error) as caught:
        Archive(journal).find(name)
    assert said.strip() in str(caught.value)
    assert Archive(journal).find("21") == "21" and Archive(journal).find("last") == "26"
