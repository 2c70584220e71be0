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
    if not _tables(connection):
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if not _tables(connection):
                if not _is_made(connection):  # whoever may make tables in it need not be let make another
                    connection.execute("CREATE SCHEMA agentfix")
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO agentfix.version VALUES (%s)", (VERSION,))
    tables = _tables(connection)
    try:
        row = connection.execute("SELECT version FROM agentfix.version").fetchone() if "version" in tables else None
    except (errors.UndefinedColumn, errors.WrongObjectType):
        row = None
    if row is None:
        raise JournalError(f"The schema agentfix of the journal {where} is not a journal: its {tables[0]!r} is "
                           "something else's.", "Name another database.")
    if row[0] != VERSION:
        raise JournalError(f"The journal {where} was written by {'a newer' if row[0] > VERSION else 'an older'} "
                           f"agentfix (schema {row[0]}).", "Use the agentfix that wrote it, or name another database.")


def _is_made(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = 'agentfix'").fetchone() is not None


def _tables(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    """What is in the schema, as it is at this moment: `to_regclass` would tell what this session has seen before."""
    return [str(name) for (name,) in connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid "
        "WHERE nspname = 'agentfix' ORDER BY relname")]
