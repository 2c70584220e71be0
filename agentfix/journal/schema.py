"""The journal's tables, and how an older file becomes one of today's."""

from __future__ import annotations

import json
import sqlite3

from agentfix.journal import texts

VERSION = 2
_TABLES = (
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL)",
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, begun REAL NOT NULL, header TEXT NOT NULL)""",
    """CREATE TABLE calls (
        number INTEGER PRIMARY KEY, run INTEGER NOT NULL, place TEXT NOT NULL, digest BLOB NOT NULL,
        request TEXT NOT NULL, reply TEXT, ended REAL, UNIQUE (run, place, digest))""",
    "CREATE INDEX calls_by_digest ON calls (digest)",
    """CREATE TABLE records (
        number INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,
        UNIQUE (run, kind, key))""",
)


def prepare(db: sqlite3.Connection, version: int) -> None:
    """Make the tables in an empty file, or bring the tables of an older version up to date.

    Args:
        db: within a transaction.
        version: of the file; 0 when it is empty.
    """
    if version == 1:
        for table in ("runs", "calls", "records"):
            db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        db.execute("DROP INDEX calls_by_digest")
        db.execute("DROP INDEX records_by_run")
    for statement in _TABLES:
        db.execute(statement)
    if version == 1:
        _from_version_1(db)
    db.execute(f"PRAGMA user_version = {VERSION}")


def put_text(db: sqlite3.Connection, text: str) -> int:
    """Keep a text, once. Returns its number."""
    name, raw = texts.named(text)
    known = db.execute("SELECT id FROM texts WHERE hash = ?", (name,)).fetchone()
    if known:
        return int(known[0])
    return int(db.execute("INSERT INTO texts (hash, body) VALUES (?, ?)", (name, texts.packed(raw))).lastrowid or 0)


def get_text(db: sqlite3.Connection, number: int) -> str:
    """The text of a number."""
    row = db.execute("SELECT body FROM texts WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"text {number} is missing")
    return texts.unpacked(row[0])


def _from_version_1(db: sqlite3.Connection) -> None:
    """Version 1 wrote every text out, named no key for a record, and began model calls too."""

    def again(text: str) -> str:
        return texts.dump(json.loads(text), lambda long: put_text(db, long))

    numbers: dict[str, int] = {}
    for run, begun, header in db.execute("SELECT id, begun, header FROM old_runs ORDER BY begun").fetchall():
        cursor = db.execute("INSERT INTO runs (id, begun, header) VALUES (?, ?, ?)", (run, begun, again(header)))
        numbers[run] = int(cursor.lastrowid or 0)
    rows = "SELECT run, place, digest, request, reply, ended FROM old_calls WHERE reply IS NOT NULL ORDER BY ended"
    for run, place, digest, request, reply, ended in db.execute(rows).fetchall():
        if run in numbers:
            db.execute(
                "INSERT INTO calls (run, place, digest, request, reply, ended) VALUES (?, ?, ?, ?, ?, ?)",
                (numbers[run], place, bytes.fromhex(digest), again(request), again(reply), ended))
    for number, run, kind, data in db.execute("SELECT id, run, kind, data FROM old_records ORDER BY id").fetchall():
        if run in numbers:
            key = json.loads(data)["id"] if kind == "attempt" else number
            db.execute("INSERT OR REPLACE INTO records (run, kind, key, data) VALUES (?, ?, ?, ?)",
                       (numbers[run], kind, str(key), again(data)))
    for table in ("runs", "calls", "records"):
        db.execute(f"DROP TABLE old_{table}")
