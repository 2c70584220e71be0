"""Connections to PostgreSQL: made when they are needed, replaced when they are lost, used from any thread and loop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from agentfix.errors import ConfigError, InputError, JournalError
from agentfix.journal.damage import DAMAGE, damaged
from agentfix.journal.postgres import schema, telling
from agentfix.journal.postgres.patience import LOCK_S, PATIENCE, Bounded, Patience
from agentfix.settings import misread

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

CONNECTIONS = 8
"""Of a process, at most; a run needs one."""
TRIES = 3
LOOKING_S = 600.0
"""How long a statement may take for which people wait, who may look through a large journal."""
IDLE_S = 30.0
"""After which a connection that is not the first is given back to the server, which has few."""
AGAIN_S = 0.2
_DEFAULTS: dict[str, Any] = {
    "application_name": "agentfix", "connect_timeout": 10, "client_encoding": "utf8", "keepalives_idle": 30,
    "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
_SESSION = """SELECT
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
               ELSE current_setting('synchronous_commit') END, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('lock_timeout', %s, false),
    CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
         THEN set_config('idle_session_timeout', '0', false) END,
    set_config('idle_in_transaction_session_timeout', '0', false),
    set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '60000', false)"""
"""What is committed is on the disk; a machine that vanished is noticed, and what it claimed is free again; but a model
may take its time."""
_PASSING = (errors.SerializationFailure, errors.DeadlockDetected, errors.AdminShutdown, errors.CrashShutdown,
            errors.CannotConnectNow, errors.LockNotAvailable, errors.IdleSessionTimeout)

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # who waits is told the same by an error


class Database:
    """A database, reached for when it is first used. Its tables are in a schema of their own, `agentfix`.

    Args:
        url: as libpq takes it; what it leaves out comes from PGPASSWORD, .pgpass and so on.
        connections: to hold at once, at most.
        what: is kept there, for messages.
        besides: what else helps where it can't be read or written.
        damage: is raised where something else stands than was written.

    Raises:
        ConfigError: the URL can't be understood.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS, what: str = "The journal", besides: str = "",
                 damage: tuple[type[Exception], ...] = DAMAGE) -> None:
        if problem := misread(url):
            raise ConfigError(f"The journal's URL can't be understood: {problem}.")
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # it quotes what it could not read, which may be the password
            raise ConfigError("The journal's URL can't be understood.",
                              "Write postgresql://USER@HOST:PORT/DATABASE, with %40 for an @ in a name.") from None
        self._parameters: dict[str, Any] = {**_DEFAULTS, **given}
        self._what, self._besides, self._damage = what, besides, damage
        self._secrets = [str(given[name]) for name in ("password", "sslpassword") if given.get(name)]
        self.where = telling.where(given)
        self.first: Connection | None = None
        """The connection that was made first. It is kept, and whoever finds it free uses it: who does one thing after
        another needs no other. Locks of its session tell which runs are under way."""
        self.first_lock = threading.RLock()
        self._pool: ConnectionPool[Bounded] = ConnectionPool(
            connection_class=Bounded, kwargs={**self._parameters, "autocommit": True}, min_size=0,
            max_size=max(1, connections - 1), open=False, configure=_configure, max_idle=IDLE_S,
            reconnect_timeout=IDLE_S, num_workers=2, name="agentfix")
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="agentfix-journal")
        self._opening = threading.Lock()
        self._opened = False
        self._waited = False
        self._process: int | None = None
        self._under_way = set[Patience]()

    async def do(self, done: str, work: Callable[[Connection], T], *, again: bool = True) -> T:
        """As `now`, in a thread."""
        return await self.in_thread(lambda: self.now(done, work, again=again))

    async def in_thread(self, work: Callable[[], T], statement_s: float | None = None) -> T:
        """Wait in a thread. Whoever is cancelled meanwhile is so after it, which is soon: then nothing is under way any
        more."""
        self._belongs_here()
        patience = Patience(statement_s)

        def patiently() -> T:
            PATIENCE.set(patience)
            try:
                return work()
            finally:
                PATIENCE.set(None)
                self._under_way.discard(patience)

        self._under_way.add(patience)
        try:
            waiting = asyncio.wrap_future(self._threads.submit(patiently))
        except RuntimeError as error:  # its threads have ended
            self._under_way.discard(patience)
            raise self._closed() from error
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            patience.give_up()
            while not waiting.done():
                with suppress(asyncio.CancelledError):  # more than once
                    await asyncio.wait([waiting])
            waiting.exception()  # nobody else asks for it
            raise

    def now(self, done: str, work: Callable[[Connection], T], *, again: bool = True,
            statement_s: float = LOOKING_S) -> T:
        """Do something with a connection; once more with another one, when the first is lost.

        Args:
            done: what is done to the journal, as `read`.
            work: each statement commits by itself, unless it is in a transaction.
            again: it may be done twice, when nobody knows whether it was. Otherwise a connection is tried out before.
            statement_s: how long a statement may take, where nothing else was said before.

        Raises:
            JournalError: it can't be done.
        """
        self._belongs_here()
        before = PATIENCE.get()
        patience = before or Patience(statement_s)
        PATIENCE.set(patience)
        try:
            with self.guarding(done):
                return self._done(work, again, patience)
        finally:
            PATIENCE.set(before)

    def _done(self, work: Callable[[Connection], T], again: bool, patience: Patience) -> T:
        self.open()
        for tries_left in reversed(range(TRIES)):
            with self._connected(patience) as connection:
                try:
                    if not again:
                        connection.execute("SELECT 1")
                        tries_left = 0
                    return work(connection)
                except psycopg.OperationalError as error:
                    if not tries_left or patience.given_up or not passes(error):
                        raise
            self._pool.check()  # others are lost too when a server ends
        raise AssertionError("the last try returns or raises")

    def connect(self) -> Connection:
        """A connection beside those that are shared. A server that has none left, or is started anew, is waited for."""
        patience = PATIENCE.get() or Patience()
        while True:
            try:
                connection = Bounded.connect(**self._parameters, autocommit=True)
                _configure(connection)
            except psycopg.OperationalError as error:
                was_reached = self._opened and not self._waited and not telling.is_refused(error)
                if not (was_reached or telling.is_busy(error)):
                    raise
                if not patience.reach_s:
                    self._waited = True
                    raise
                time.sleep(AGAIN_S)
            else:
                self._waited = False
                return connection

    def close(self) -> None:
        """Wait a moment for what is under way, and close the connections. May be called twice."""
        if self._process not in (None, os.getpid()):
            return  # they are another process's
        for patience in [*self._under_way]:
            patience.give_up()
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
            if isinstance(error, psycopg.DataError) and error.sqlstate is None:
                raise _no_name() from error
            raise JournalError(f"{self._what} {self.where} can't be {done}: {telling.reason(error, self._secrets)}.",
                               f"{telling.hint(error, was_reached=self._opened)}{self._besides}") from error
        except UnicodeEncodeError as error:
            raise _no_name() from error
        except self._damage as error:
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
    def _connected(self, patience: Patience) -> Generator[Connection]:
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
            connection = self._pool.getconn(max(AGAIN_S, patience.reach_s))
            self._waited = False
        except PoolTimeout:
            self._waited = True
            self.connect().close()  # raises the reason, if there is one
            raise
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _belongs_here(self) -> None:
        """Raises JournalError: it was used before the process was forked, and its connections are the other one's."""
        if self._process is None:
            self._process = os.getpid()
        elif self._process != os.getpid():
            raise JournalError(f"The journal {self.where} was opened before this process was forked from another.",
                               "Make the agent, and open the journal, after the fork.")

    def _closed(self) -> JournalError:
        return JournalError(f"The journal {self.where} was closed.", "Open it again.")


def passes(error: psycopg.OperationalError) -> bool:
    """Whether a connection was lost, or two writers were in each other's way."""
    return isinstance(error, _PASSING) or (error.sqlstate is None and not isinstance(error, PoolTimeout))


def _configure(connection: Connection) -> None:
    connection.execute(_SESSION, (f"{LOCK_S}s",))


def _no_name() -> InputError:
    return InputError("PostgreSQL keeps no name that holds a NUL character or half of a surrogate pair.",
                      "Choose another name.")
