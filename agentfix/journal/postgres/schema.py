"""The tables in PostgreSQL. Texts are kept once, by their hash; each row names those that it uses."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors

from agentfix.errors import JournalError

VERSION = 1
_LOCK = 0x6167656E74666978
"""Whoever makes the tables holds it: the word `agentfix`."""
_TABLES = """
    CREATE SCHEMA IF NOT EXISTS agentfix;
    CREATE TABLE agentfix.version (version integer NOT NULL);
    CREATE TABLE agentfix.texts (hash bytea PRIMARY KEY, body bytea NOT NULL);
    ALTER TABLE agentfix.texts ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE agentfix.runs (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, begun float8 NOT NULL,
        header text NOT NULL, uses bytea[] NOT NULL, holder bigint);
    CREATE TABLE agentfix.calls (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run bigint NOT NULL, place text NOT NULL,
        digest bytea NOT NULL, request text NOT NULL, reply text, ended float8, uses bytea[] NOT NULL,
        UNIQUE (run, place, digest));
    CREATE INDEX calls_by_digest ON agentfix.calls (digest);
    CREATE TABLE agentfix.records (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run bigint NOT NULL, kind text NOT NULL,
        key text NOT NULL, data text NOT NULL, uses bytea[] NOT NULL, UNIQUE (run, kind, key));
    CREATE TABLE agentfix.memory (
        strategy text, kind text, data text NOT NULL, PRIMARY KEY (strategy, kind))"""
"""JSON is kept as text: `jsonb` takes neither NUL nor half of a surrogate pair. `runs.holder` is the claim under which
a run was last taken up: what another one would write is refused."""


def prepare(connection: psycopg.Connection[tuple[Any, ...]], where: str) -> None:
    """Make the tables where there are none; many processes may do so at once.

    Args:
        connection: to the database.
        where: the database, for messages.

    Raises:
        JournalError: the schema `agentfix` is something else's, or a newer agentfix's.
    """
    version = _version(connection, where)
    if version is None:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            version = _version(connection, where)
            if version is None:
                _make(connection, where)
                return
    if version != VERSION:
        raise JournalError(f"The journal {where} was written by {'a newer' if version > VERSION else 'another'} "
                           f"agentfix (schema {version}).", "Upgrade agentfix, or name another database.")


def _version(connection: psycopg.Connection[tuple[Any, ...]], where: str) -> int | None:
    """None where there is no such table."""
    there = connection.execute("SELECT to_regclass('agentfix.version')").fetchone()
    if there is None or there[0] is None:
        return None
    try:
        row = connection.execute("SELECT version FROM agentfix.version").fetchone()
    except errors.UndefinedColumn as error:
        raise _foreign(where, "version") from error
    return int(row[0]) if row else 0


def _make(connection: psycopg.Connection[tuple[Any, ...]], where: str) -> None:
    theirs = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = "
                                "(SELECT oid FROM pg_namespace WHERE nspname = 'agentfix') LIMIT 1").fetchone()
    if theirs is not None:
        raise _foreign(where, str(theirs[0]))
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO agentfix.version VALUES (%s)", (VERSION,))


def _foreign(where: str, table: str) -> JournalError:
    return JournalError(f"The schema agentfix of the journal {where} is not a journal: its {table!r} is something "
                        "else's.", "Name another database.")
