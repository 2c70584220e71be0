"""The journal in a file: older files are brought up to date, and what is wrong with one is one line."""

from __future__ import annotations

import json
import sqlite3
import zlib

import pytest

from agentfix.digest import digest
from agentfix.errors import JournalError
from agentfix.journal import FallbackJournal, SqliteJournal
from agentfix.protocols import CallKey, JournalledCall

REQUEST = {"tool": "python", "arguments": {"code": "x" * 500}}
KEY = CallKey("run", "a0.run", digest(REQUEST))

async def test_a_text_said_a_thousand_times_is_kept_once(tmp_path):
    path = tmp_path / "j.sqlite"
    journal = SqliteJournal(path)
    await journal.begin_run("run", {})
    for i in range(1000):
        await journal.record("run", "attempt", str(i), {"text": "a long answer, " * 1000, "id": i})
    await journal.aclose()
    assert path.stat().st_size < 200_000


async def test_a_text_that_is_kept_already_is_not_compressed_again(monkeypatch):
    compressed = []
    monkeypatch.setattr(zlib, "compress", lambda raw, level: compressed.append(raw) or raw)
    journal = SqliteJournal(None)
    await journal.begin_run("run", {})
    for i in range(3):
        await journal.record("run", "attempt", str(i), {"text": "a long answer, " * 1000})
    assert len(compressed) == 1
    await journal.aclose()


def version_1(path):
    """A file as the first version of agentfix wrote it."""
    old = sqlite3.connect(path)
    old.executescript("""
        CREATE TABLE runs (id TEXT PRIMARY KEY, begun REAL NOT NULL, header TEXT NOT NULL);
        CREATE TABLE calls (run TEXT NOT NULL, place TEXT NOT NULL, digest TEXT NOT NULL, request TEXT NOT NULL,
            reply TEXT, begun REAL NOT NULL, ended REAL, PRIMARY KEY (run, place, digest)) WITHOUT ROWID;
        CREATE INDEX calls_by_digest ON calls (digest) WHERE reply IS NOT NULL;
        CREATE TABLE records (id INTEGER PRIMARY KEY, run TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
            data TEXT NOT NULL);
        CREATE INDEX records_by_run ON records (run, id);
        PRAGMA user_version = 1;
    """)
    old.execute("INSERT INTO runs VALUES ('run', 5.0, ?)", (json.dumps({"task": {"question": "q " * 100}}),))
    for place, reply in (("a0.run", '{"done": 1}'), ("a1.run", None)):
        old.execute("INSERT INTO calls VALUES ('run', ?, ?, ?, ?, 1.0, 2.0)",
                    (place, KEY.digest, json.dumps(REQUEST), reply))
    for text in ("first", "again"):
        old.execute("INSERT INTO records (run, at, kind, data) VALUES ('run', 1.0, 'attempt', ?)",
                    (json.dumps({"id": 0, "text": text}),))
    old.commit()
    old.close()


async def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path):
    version_1(tmp_path / "j.sqlite")
    for _ in range(2):
        journal = SqliteJournal(tmp_path / "j.sqlite")
        assert await journal.header("run") == {"task": {"question": "q " * 100}}
        assert await journal.calls("run") == [JournalledCall("a0.run", KEY.digest, REQUEST, {"done": 1}, 2.0)]
        assert await journal.records("run", "attempt") == [{"id": 0, "text": "again"}]
        await journal.end(CallKey("run", "a2.run", KEY.digest), REQUEST, {"done": 1})
        journal.db.execute("DELETE FROM calls WHERE place = 'a2.run'")
        await journal.aclose()


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


def fill(journal):
    """SQLite's own way to say that the disk is full."""
    journal.db.execute("PRAGMA max_page_count = 30")


async def write_much(journal):
    for i in range(100):
        await journal.record("run", "attempt", str(i), {"text": str([i * k for k in range(1000)])})


async def test_a_full_disk_is_one_line_and_what_was_written_stays(tmp_path):
    journal = SqliteJournal(tmp_path / "j.sqlite")
    await journal.begin_run("run", {})
    fill(journal)
    with pytest.raises(JournalError, match="full") as caught:
        await write_much(journal)
    assert "\n" not in str(caught.value) and "--journal memory" in str(caught.value)
    kept = await journal.records("run", "attempt")
    assert 0 < len(kept) < 100
    await journal.aclose()


async def test_a_fallback_goes_on_in_memory_and_says_so_once(tmp_path):
    said: list[str] = []
    file = SqliteJournal(tmp_path / "j.sqlite")
    journal = FallbackJournal(file, said.append)
    await journal.begin_run("run", {"q": 1})
    await journal.end(KEY, REQUEST, {"before": 1})
    fill(file)
    await write_much(journal)
    later = CallKey("run", "a1.run", KEY.digest)
    await journal.end(later, REQUEST, {"after": 1})
    found = [await journal.find(key) for key in (KEY, later)]
    assert [call.reply for call in found if call] == [{"before": 1}, {"after": 1}]
    assert [call.place for call in await journal.calls("run")] == ["a0.run", "a1.run"]
    assert len(await journal.records("run", "attempt")) == 100
    assert len(said) == 1 and "full" in said[0] and "in memory" in said[0]
    await journal.aclose()
