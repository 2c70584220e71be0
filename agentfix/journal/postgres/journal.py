"""The journal in PostgreSQL: a round trip for each call that is looked up, and one for each that is written."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Any, LiteralString, TypeVar

import psycopg

from agentfix.errors import JournalError
from agentfix.journal.damage import naming
from agentfix.journal.postgres import patience, rows, schema
from agentfix.journal.postgres.claims import Claims, Elsewhere, taken_up
from agentfix.journal.postgres.database import CONNECTIONS, Connection, Database, passes
from agentfix.journal.postgres.rows import Found, Packing
from agentfix.journal.shelf import Freed, RunRow, under_way
from agentfix.protocols import CallKey, JournalledCall

T = TypeVar("T")
_TOKEN_BITS = 62
PATIENCE_S = 2.0
"""How long a claim is tried to be had: a server takes a moment to see that its holder was killed."""
AGAIN_S = 0.05
BATCH = 20_000
"""Texts that are dropped while others wait."""


class PostgresJournal:
    """A journal in PostgreSQL, whose tables are made when they are not there. Implements `agentfix.Journal`.

    It may be used from any thread and event loop. What was written survives the death of the process, and of the
    server, at any moment; a run that was begun by one process is gone on with by another.

    Args:
        url: as libpq takes it.
        connections: to hold at once, at most.

    Raises:
        ConfigError: the URL can't be understood.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self._db = Database(url, connections)
        self._claims = Claims(self._db)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        packing = Packing()
        header_text = packing.dumped(header)
        await self._write(rows.BEGIN_RUN, run, packing, header=header_text, now=time.time())

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        return await self._first(rows.HEADER, Found.loaded, run=run)

    # --- calls -------------------------------------------------------------------------------------------------------

    async def find(self, key: CallKey) -> JournalledCall | None:
        """See `agentfix.Journal`."""
        def call(found: Found, request: str, reply: str | None, ended: float | None) -> JournalledCall:
            return _call(found, key.place, key.digest, request, reply, ended)

        return await self._first(rows.FIND, call, run=key.run, place=key.place, digest=bytes.fromhex(key.digest))

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """See `agentfix.Journal`."""
        return await self._first(rows.FIND_ANYWHERE, Found.loaded, digest=bytes.fromhex(digest))

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """See `agentfix.Journal`. Where a connection is lost before it says whether the call was begun, that is asked
        once more: a call that was begun then is in doubt, and not made."""
        packing = Packing()
        begun = packing.dumped(request)
        return await self._write(rows.BEGIN, key.run, packing, place=key.place, digest=bytes.fromhex(key.digest),
                                 request=begun)

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        packing = Packing()
        asked, said = packing.dumped(request), packing.dumped(reply)
        await self._write(rows.END, key.run, packing, place=key.place, digest=bytes.fromhex(key.digest), request=asked,
                          reply=said, now=time.time())

    async def calls(self, run: str) -> list[JournalledCall]:
        """See `agentfix.Journal`."""
        def read(connection: Connection) -> list[JournalledCall]:
            found = Found(connection, rows.CALLS, {"run": run})
            with naming(run):
                return [_call(found, place, digest.hex(), *rest) for place, digest, *rest in found.rows]

        return await self._db.do("read", read)

    # --- records -----------------------------------------------------------------------------------------------------

    async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """See `agentfix.Journal`."""
        packing = Packing()
        text = packing.dumped(data)
        await self._write(rows.RECORD, run, packing, kind=kind, key=key, data=text)

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """See `agentfix.Journal`."""
        def read(connection: Connection) -> list[Mapping[str, Any]]:
            found = Found(connection, rows.RECORDS, {"run": run, "kind": kind})
            with naming(run):
                return [found.loaded(data) for (data,) in found.rows]

        return await self._db.do("read", read)

    async def aclose(self) -> None:
        """Close the connections. May be called twice."""
        await asyncio.to_thread(self._db.close)

    # --- for people --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def claim(self, run: str) -> AsyncGenerator[None]:
        """See `Shelf`. The claim ends when this process does, or its machine can't be reached any more."""
        taken: list[str] = []

        def take() -> None:
            with self.guarding("written"):
                self._db.open()
                try:
                    had = self._claims.take(run, secrets.randbits(_TOKEN_BITS))
                except psycopg.OperationalError as error:  # a connection may be lost at this very moment
                    if not passes(error):
                        raise
                    had = self._claims.take(run, secrets.randbits(_TOKEN_BITS))
                if had:
                    taken.append(run)

        until = time.monotonic() + PATIENCE_S
        try:
            await self._db.in_thread(take)
            while not taken:
                if time.monotonic() > until:
                    raise under_way(run)
                await asyncio.sleep(AGAIN_S)
                await self._db.in_thread(take)
            yield
        finally:
            if taken:
                with suppress(JournalError):  # it was closed, and holds nothing any more
                    await self._db.in_thread(lambda: self._claims.leave(run), patience.GIVEN_UP_S)

    def about(self) -> str:
        """See `Shelf`."""
        def count(connection: Connection) -> str:
            (runs,) = connection.execute("SELECT count(*) FROM agentfix.runs").fetchone() or (0,)
            server = connection.info.parameter_status("server_version")
            return f"{self._db.where}, server {server}, schema {schema.VERSION}, {runs} runs"

        return self._db.now("read", count)

    def rows(self, run: str | None = None, limit: int | None = None) -> list[RunRow]:
        """See `Shelf`."""
        def read(connection: Connection) -> list[RunRow]:
            elsewhere = self._claims.elsewhere(connection)
            found = Found(connection, rows.RUNS, {"run": run, "limit": limit})
            return [_row(found, elsewhere, *row) for row in found.rows]

        return self._db.now("read", read)

    def state(self, run: str) -> tuple[object, ...] | None:
        """See `Shelf`."""
        def read(connection: Connection) -> tuple[object, ...] | None:
            row = connection.execute(rows.STATE, {"run": run}).fetchone()
            return None if row is None else (*row, run in self._claims.elsewhere(connection))

        return self._db.now("read", read)

    def names(self, begins: str) -> list[str]:
        """See `Shelf`."""
        return self._db.now("read", lambda connection: [
            str(name) for (name,) in connection.execute(rows.NAMES, {"begins": begins})])

    def remove(self, names: Sequence[str]) -> None:
        """See `Shelf`."""
        def remove(connection: Connection) -> None:
            elsewhere = self._claims.elsewhere(connection)
            if held := next((name for name in names if name in elsewhere), None):
                raise under_way(held)
            with connection.transaction():
                connection.execute(rows.DROP, ([*names],))
                connection.execute(rows.DROP_CALLS)
                connection.execute(rows.DROP_RECORDS)

        self._db.now("written", remove)

    def clear(self, older_than_s: float | None) -> Freed:
        """See `Shelf`. Others write meanwhile; they wait only while some of the texts are dropped that were found to be
        left over. The server uses the space for later runs."""
        def clear(connection: Connection) -> Freed:
            gone = 0
            if older_than_s is not None:
                old = connection.execute(rows.OLD, (time.time() - older_than_s,)).fetchall()
                elsewhere = self._claims.elsewhere(connection)
                gone = connection.execute(rows.DROP, ([name for (name,) in old if name not in elsewhere],)).rowcount
            dropped = [connection.execute(drop).fetchone() or (0, 0) for drop in (rows.DROP_CALLS, rows.DROP_RECORDS)]
            (since,) = connection.execute(rows.SINCE).fetchone() or (0,)
            unused = [name for (name,) in connection.execute(rows.UNUSED)]
            texts = 0
            for start in range(0, len(unused), BATCH):
                with connection.transaction():
                    connection.execute("LOCK TABLE agentfix.texts IN SHARE ROW EXCLUSIVE MODE")
                    some = {"since": since, "names": unused[start:start + BATCH]}
                    dropped.append(connection.execute(rows.DROP_TEXTS, some).fetchone() or (0, 0))
                texts += int(dropped[-1][0])
            connection.execute("VACUUM agentfix.texts, agentfix.runs, agentfix.calls, agentfix.records")
            return Freed(gone, texts, sum(int(size) for _, size in dropped))

        return self._db.now("written", clear, statement_s=math.inf)

    def guarding(self, what: str) -> AbstractContextManager[None]:
        """See `Shelf`."""
        return self._db.guarding(what)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _write(self, statement: LiteralString, run: str, packing: Packing, **parameters: Any) -> bool:
        """Write something of a run. Returns whether there was something to write; it is so but for `begin`.

        Raises:
            JournalError: it can't be written, there is no such run, or another process has taken it up.
        """
        def write(connection: Connection) -> bool:
            token = self._claims.token(run)
            given = packing.parameters(run=run, token=token, **parameters)
            if connection.execute(statement, given).fetchone() is not None:
                return True
            holder = connection.execute("SELECT holder FROM agentfix.runs WHERE id = %s", (run,)).fetchone()
            if holder is None:
                raise JournalError(f"The journal {self._db.where} has no run {run!r}.", "See: agentfix runs list")
            if token is not None and holder[0] != token:
                raise taken_up(run)
            return False

        return await self._db.do("written", write)

    async def _first(self, query: LiteralString, make: Callable[..., T], **parameters: Any) -> T | None:
        """What is made of the one row of a query, if there is one."""
        def read(connection: Connection) -> T | None:
            found = Found(connection, query, parameters)
            return make(found, *found.rows[0]) if found.rows else None

        return await self._db.do("read", read)


def _call(found: Found, place: str, digest: str, request: str, reply: str | None,
          ended: float | None) -> JournalledCall:
    return JournalledCall(place, digest, found.loaded(request), found.or_none(reply), ended or 0.0)


def _row(found: Found, elsewhere: Elsewhere, name: str, begun: float, active: float, header: str, calls: int,
         result: str | None, failure: str | None, remarks: Sequence[str]) -> RunRow:
    with naming(name):
        return RunRow(name, begun, active, found.loaded(header), calls, found.or_none(result), found.or_none(failure),
                      [found.loaded(remark) for remark in remarks], result is None and name in elsewhere)
