"""The journal: what is written is found again, and what is wrong with the file is one line."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys

import pytest

from agentfix.errors import JournalError
from agentfix.journal import SqliteJournal
from agentfix.protocols import CallKey

KEY = CallKey("run", "a0", "d1")

WRITER = """
import asyncio, sys
from pathlib import Path
from agentfix.journal import SqliteJournal
from agentfix.protocols import CallKey

async def write(path, name):
    journal = SqliteJournal(Path(path))
    for i in range(50):
        await journal.begin(CallKey(name, f"a{i}", "d"), {})
        await journal.end(CallKey(name, f"a{i}", "d"), {"by": name})
    await journal.aclose()

asyncio.run(write(*sys.argv[1:]))
"""


@pytest.mark.parametrize("reply", [{"text": "é \U0001f600"}, {"half a pair": "\ud800"}])
async def test_a_reply_is_found_once_its_call_ended(tmp_path, reply):
    journal = SqliteJournal(tmp_path / "new" / "j.sqlite")
    await journal.begin(KEY, {"q": 1})
    assert await journal.find(KEY) is None and await journal.find_anywhere("d1") is None
    await journal.end(KEY, reply)
    await journal.aclose()
    again = SqliteJournal(tmp_path / "new" / "j.sqlite")
    assert await again.find(KEY) == reply == await again.find_anywhere("d1")
    await again.aclose()
    await again.aclose()


def test_two_processes_share_a_new_file(tmp_path):
    path = tmp_path / "j.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stderr=subprocess.PIPE) for name in "ab"
    ]
    assert [(w.communicate()[1], w.returncode) for w in writers] == [(b"", 0)] * 2
    journal = SqliteJournal(path)
    for name in "ab":
        for i in range(50):
            assert asyncio.run(journal.find(CallKey(name, f"a{i}", "d"))) == {"by": name}
    asyncio.run(journal.aclose())


def newer(path):
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


def foreign(path):
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.write_bytes(b"not a database " * 100), "not a database"),
        (newer, "newer agentfix"),
        (foreign, "is not a journal"),
        (lambda path: path.mkdir(), "can't be opened"),
    ],
)
def test_a_file_that_is_no_journal_is_one_line(tmp_path, spoil, complaint):
    path = tmp_path / "j.sqlite"
    spoil(path)
    with pytest.raises(JournalError, match=complaint) as caught:
        SqliteJournal(path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="can't be opened") as caught:
        SqliteJournal(tmp_path / "file" / "j.sqlite")
    assert "\n" not in str(caught.value)


async def test_a_full_disk_is_one_line(tmp_path):
    journal = SqliteJournal(tmp_path / "j.sqlite")
    journal._db.execute("PRAGMA max_page_count = 12")  # SQLite's own way to say that the disk is full
    with pytest.raises(JournalError, match="full") as caught:
        for i in range(100):
            await journal.append("run", "attempt", {"text": str(i) * 4000})
    assert "\n" not in str(caught.value)
    await journal.aclose()
