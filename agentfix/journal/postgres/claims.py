"""Which runs are under way, told to other processes by locks of a session that lives as long as the claim.

The server frees the locks when their holder dies, or its machine vanishes. A connection may also be lost while the
holder lives on. So each claim has a token, which stands beside its run from the moment it is taken, and what the holder
of an older token would write is refused (`runs.holder`). A holder that finds its connection lost takes its locks again,
if nobody else has taken one meanwhile.
"""

from __future__ import annotations

import hashlib
import selectors
from contextlib import suppress

import psycopg

from agentfix.errors import JournalError
from agentfix.journal.postgres.database import Connection, Database
from agentfix.journal.shelf import under_way_here

_HELD = """SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
           WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid <> %s
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

_GIVEN_UP = -1


class Claims:
    """The claims of one process.

    Args:
        database: the journal's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, int | None] = {}
        """The token of each claim; None for one that was lost."""

    def take(self, run: str, token: int) -> bool:
        """Claim a run. Returns whether it could be had: another process may hold it.

        Args:
            run: its name.
            token: of this claim alone.

        Raises:
            RunUnderWayError: it is under way in this process.
        """
        with self._database.first_lock:
            if run in self._held:
                raise under_way_here(run)
            connection = self._kept()
            if not _try(connection, run):
                return False
            try:
                connection.execute("UPDATE agentfix.runs SET holder = %s WHERE id = %s", (token, run))
            except psycopg.Error:
                _free(connection, run)
                raise
            self._held[run] = token
            return True

    def leave(self, run: str) -> None:
        """Give up a claim."""
        with self._database.first_lock:
            held = self._held.pop(run, None) is not None
            if held and self._database.first is not None:
                _free(self._database.first, run)

    def token(self, run: str) -> int | None:
        """The token of a claim; None for a run that is not claimed here.

        Raises:
            JournalError: the claim was lost, and another process has taken the run up.
        """
        if run not in self._held:
            return None
        if self._database.first_lock.acquire(blocking=False):  # or somebody uses the connection, and would notice
            try:
                self._kept()
            finally:
                self._database.first_lock.release()
        token = self._held.get(run, _GIVEN_UP)
        if token is None:
            raise taken_up(run)
        return None if token == _GIVEN_UP else token

    def elsewhere(self, connection: Connection) -> Elsewhere:
        """The runs that other processes are at work on, as they are now."""
        own = self._database.first
        pid = 0 if own is None or own.closed else own.info.backend_pid
        return Elsewhere({int(row[0]) for row in connection.execute(_HELD, (pid,))})

    def _kept(self) -> Connection:
        """The connection that holds the locks; when it is lost, another one that holds those that could be had."""
        first = self._database.first
        if first is not None and not _is_lost(first):
            return first
        if first is not None:
            first.close()
        connection = self._database.connect()
        for run, token in self._held.items():
            if token is not None and not _try(connection, run) and not _is_ours(connection, run, token):
                self._held[run] = None
        self._database.first = connection
        return connection


class Elsewhere:
    """The runs that other processes hold."""

    def __init__(self, locks: set[int]) -> None:
        self._locks = locks

    def __contains__(self, run: str) -> bool:
        return _number(run) in self._locks


def taken_up(run: str) -> JournalError:
    """The error about a run that its holder may write no more to."""
    return JournalError(f"Run {run!r} was taken up by another process while this one's connection was lost.",
                        f"It goes on there. What ended here is kept; to go on with it later: agentfix resume {run}")


def _is_lost(connection: Connection) -> bool:
    """Told without asking the server: a connection that is idle has something to read when the server says farewell."""
    if connection.closed:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if not selector.select(0):
            return False
    try:
        connection.execute("SELECT 1")  # or it was a notice
    except psycopg.OperationalError:
        return True
    return False


def _try(connection: Connection, run: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_number(run),)).fetchone()
    return row is not None and bool(row[0])


def _is_ours(connection: Connection, run: str, token: int) -> bool:
    """Whether nobody has taken a run up: the server may not have seen yet that our last connection is lost."""
    row = connection.execute("SELECT holder FROM agentfix.runs WHERE id = %s", (run,)).fetchone()
    return row is not None and row[0] == token


def _free(connection: Connection, run: str) -> None:
    with suppress(psycopg.Error):  # a connection that is lost holds nothing
        connection.execute("SELECT pg_advisory_unlock(%s)", (_number(run),))


def _number(run: str) -> int:
    name = hashlib.sha256(b"agentfix " + run.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(name[:8], "big", signed=True)
