"""What went wrong with a database, in words: on one line, without passwords, and with what helps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg

_PLAIN = re.compile(r"[\w.,:/\[\] -]*")
_URL = "Mend the journal's URL, or what it leaves out: its user, password, database and options."
_WORDS = ((("password", "authentication", "does not exist", "pg_hba", "invalid", "definition of service", "SSL"),
           _URL),
          (("too many c", "connection slots"), "Run fewer workers, or raise the server's max_connections."))
"""Who is let in to no session is told no code."""
_CODES = (
    ("42501", "Have its owner grant the right: USAGE on the schema agentfix, and SELECT, INSERT, UPDATE and DELETE on "
              "its tables; or CREATE on the database, where that schema is not made yet."),
    ("25006", "Name a server and a user that may write: this is a standby, or has default_transaction_read_only."),
    ("57014", "Its statement_timeout is too short for a journal, or somebody cancelled it: raise it for this user."),
    ("55P03", "Somebody holds a lock for long; see pg_stat_activity."),
    ("53", "Give the server more room: its disk, memory or connections are used up."),
    ("28", _URL), ("3D", _URL), ("42", "Its tables were changed; name another database."))
"""The beginnings of SQLSTATE codes."""


def where(given: Mapping[str, Any]) -> str:
    """A database as messages name it: without who comes to it, and by what word."""
    host = _plain(given.get("host") or given.get("hostaddr"))
    name = _plain(given.get("dbname") or given.get("service")) or "default database"
    port = f":{_plain(given.get('port'))}" if given.get("port") else ""
    return f"in PostgreSQL ({name} on {host}{port})" if host else f"in PostgreSQL ({name})"


def reason(error: psycopg.Error, secrets: list[str]) -> str:
    """What PostgreSQL says. It quotes options that it can't read, which may be given a password by mistake."""
    said = " ".join(str(error).split()).partition(" Is the server running")[0][:400].rstrip(".")
    for secret in secrets:
        for quote in "\"'":
            said = said.replace(f"{quote}{secret}{quote}", f"{quote}...{quote}")
    return said or type(error).__name__


def hint(error: psycopg.Error, *, was_reached: bool) -> str:
    """What helps.

    Args:
        error: what was raised.
        was_reached: before, so that a run may be under way.
    """
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        known = next((advice for words, advice in _WORDS if any(word in str(error) for word in words)), "")
    else:
        known = next((advice for code, advice in _CODES if (error.sqlstate or "").startswith(code)), "")
    if known:
        return known
    then = "go on: agentfix resume RUN." if was_reached else "try again."
    return f"What it holds is kept. When the server can be reached and lets you in, {then}"


def is_refused(error: psycopg.Error) -> bool:
    """Whether the server, or libpq, would say the same again."""
    return any(word in str(error) for words, advice in _WORDS if advice == _URL for word in words)


def is_busy(error: psycopg.Error) -> bool:
    """Whether the server was reached, and will let us in later."""
    return any(word in str(error) for word in (
        "too many c", "connection slots", "starting up", "shutting down", "not yet accepting", "in recovery"))


def _plain(text: Any) -> str:
    """What is no name may be a part of a password: it is not shown."""
    return str(text or "") if _PLAIN.fullmatch(str(text or "")) else "..."
