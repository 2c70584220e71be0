"""Connections to PostgreSQL: made when they are needed, replaced when they are lost, used from any thread and loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from agentfix.errors import ConfigError, JournalError
from agentfix.journal.damage import DAMAGE, damaged
from agentfix.journal.postgres import schema

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

CONNECTIONS = 8
"""Of a process, at most; a run needs one."""
TRIES = 3
WAIT_S = 20.0
"""How long a statement waits for a connection: a server that is started anew is back by then."""
IDLE_S = 30.0
"""After which a connection that is not the first is given back to the server, which has few."""
AGAIN_S = 0.2
LOCK_S = 30
"""How long a write waits for another process's."""
_DEFAULTS: dict[str, Any] = {
    "application_name": "agentfix", "connect_timeout": 10, "client_encoding": "utf8", "keepalives_idle": 30,
    "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
_SESSION = """SELECT
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
               ELSE current_setting('synchronous_commit') END, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('lock_timeout', %s, false),
    set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '60000', false)"""
"""What is committed is on the disk, and a machine that vanished is noticed: what it claimed is free again."""
_PASSING = (errors.SerializationFailure, errors.DeadlockDetected, errors.AdminShutdown, errors.CrashShutdown,
            errors.CannotConnectNow)

logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # who waits is told the same by an error


class Database:
    """A database, reached for when it is first used. Its tables are in a schema of their own, `agentfix`.

    Args:
        url: as libpq takes it; what it leaves out comes from PGPASSWORD, .pgpass and so on.
        connections: to hold at once, at most.

    Raises:
        ConfigError: the URL can't be understood.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # it quotes what it could not read, which may be the password
            raise ConfigError("The journal's URL can't be understood.",
                              "Write postgresql://USER@HOST:PORT/DATABASE, with %40 for an @ in a name.") from None
        self._parameters: dict[str, Any] = {**_DEFAULTS, **given}
        self._secrets = [str(given[name]) for name in ("password", "sslpassword") if given.get(name)]
        self.where = _told(given)
        self.first: Connection | None = None
        """The connection that was made first. It is kept, and whoever finds it free uses it: who does one thing after
        another needs no other. Locks of its session tell which runs are under way."""
        self.first_lock = threading.RLock()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs={**self._parameters, "autocommit": True}, min_size=0, max_size=max(1, connections - 1), open=False,
            configure=_configure, timeout=WAIT_S, max_idle=IDLE_S, reconnect_timeout=WAIT_S, num_workers=2,
            name="agentfix")
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="agentfix-journal")
        self._opening = threading.Lock()
        self._opened = False
        self._waited = False

    async def do(self, done: str, work: Callable[[Connection], T], *, again: bool = True) -> T:
        """As `now`, in a thread."""
        return await self.in_thread(lambda: self.now(done, work, again=again))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Wait in a thread. Whoever is cancelled meanwhile is so after it: then nothing is under way any more."""
        try:
            waiting = asyncio.wrap_future(self._threads.submit(work))
        except RuntimeError as error:  # its threads have ended
            raise self._closed() from error
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            await asyncio.wait([waiting])
            raise

    def now(self, done: str, work: Callable[[Connection], T], *, again: bool = True) -> T:
        """Do something with a connection; once more with another one, when the first is lost.

        Args:
            done: what is done to the journal, as `read`.
            work: each statement commits by itself, unless it is in a transaction.
            again: it may be done twice, when nobody knows whether it was. Otherwise a connection is tried out before.

        Raises:
            JournalError: it can't be done.
        """
        with self.guarding(done):
            self.open()
            for tries_left in reversed(range(TRIES)):
                with self._connected() as connection:
                    try:
                        if not again:
                            connection.execute("SELECT 1")
                            tries_left = 0
                        return work(connection)
                    except psycopg.OperationalError as error:
                        if not tries_left or not _passes(error):
                            raise
                self._pool.check()  # others are lost too when a server ends
            raise AssertionError("the last try returns or raises")

    def connect(self) -> Connection:
        """A connection beside those that are shared. When the server has none left, it is waited for."""
        patience = time.monotonic() + WAIT_S
        while True:
            try:
                connection = psycopg.connect(**self._parameters, autocommit=True)
            except psycopg.OperationalError as error:
                if not _is_full(error) or time.monotonic() > patience:
                    raise
                time.sleep(AGAIN_S)
                continue
            _configure(connection)
            return connection

    def close(self) -> None:
        """Wait for what is under way, and close the connections. May be called twice."""
        self._threads.shutdown()
        with self._opening:
            self._pool.close()
            self._opened = True  # it is not opened any more
        with self.first_lock:
            if self.first is not None:
                self.first.close()

    @contextmanager
    def guarding(self, done: str) -> Generator[None]:
        """Turn what PostgreSQL raises into a JournalError."""
        try:
            yield
        except psycopg.Error as error:
            raise JournalError(
                f"The journal {self.where} can't be {done}: {self._reason(error)}.",
                "What it holds is kept. When the server can be reached and lets you in, go on: agentfix resume RUN.",
            ) from error
        except DAMAGE as error:
            raise damaged(self.where, done, error, "name another database") from error

    def open(self) -> None:
        """Reach for the database, and make the tables where there are none."""
        if self._opened:
            return
        with self._opening:
            if self._opened:
                return
            connection = self.connect()
            try:
                schema.prepare(connection, self.where)
            except BaseException:
                connection.close()
                raise
            self._pool.open()
            self.first, self._opened = connection, True

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        if self._pool.closed:
            raise self._closed()
        if self.first_lock.acquire(blocking=False):
            try:
                if self.first is not None and not self.first.closed:
                    yield self.first
                    return
            finally:
                self.first_lock.release()
        if self._waited:  # in vain: no other statement shall wait as long
            self.connect().close()
        try:
            connection = self._pool.getconn()
            self._waited = False
        except PoolTimeout:
            self._waited = True
            self.connect().close()  # raises the reason, if there is one
            raise
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _reason(self, error: psycopg.Error) -> str:
        """On one line, without what nobody may read."""
        reason = " ".join(str(error).split())[:400].rstrip(".")
        for secret in self._secrets:
            reason = reason.replace(secret, "...")
        return reason or type(error).__name__

    def _closed(self) -> JournalError:
        return JournalError(f"The journal {self.where} was closed.", "Open it again.")


def _configure(connection: Connection) -> None:
    connection.execute(_SESSION, (f"{LOCK_S}s",))


def _passes(error: psycopg.OperationalError) -> bool:
    """Whether a connection was lost, or two writers were in each other's way."""
    return isinstance(error, _PASSING) or (error.sqlstate is None and not isinstance(error, PoolTimeout))


def _is_full(error: psycopg.OperationalError) -> bool:
    """Told by its words alone: who is let in to no session is told no code."""
    return "too many c" in str(error) or "connection slots" in str(error)


def _told(given: dict[str, Any]) -> str:
    """A database as messages name it: without who comes to it, and by what word."""
    host = str(given.get("host") or given.get("hostaddr") or "")
    port = f":{given['port']}" if given.get("port") else ""
    return f"in PostgreSQL ({given.get('dbname') or given.get('service') or 'default database'}" + (
        f" on {host}{port})" if host else ")")
