"""What strategies remember from one run to the next, in PostgreSQL: processes on many machines learn together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from agentfix.journal.memory import read_memory, written_memory
from agentfix.journal.postgres.database import Connection, Database

_HELD = "SELECT data FROM agentfix.memory WHERE strategy = %s AND kind = %s"


class PostgresMemory:
    """The table beside the journal. Implements `agentfix.Memory`.

    Args:
        url: as libpq takes it.

    Raises:
        ConfigError: the URL can't be understood.
    """

    def __init__(self, url: str) -> None:
        self._db = Database(url, 1, "The memory of strategies", " Or set memory = false.", (ValueError,))

    async def recall(self, strategy: str, kind: str) -> Mapping[str, Any]:
        """See `agentfix.Memory`."""
        def read(connection: Connection) -> Mapping[str, Any]:
            row = connection.execute(_HELD, (strategy, kind)).fetchone()
            return {} if row is None else read_memory(row[0])

        return await self._db.do("read", read)

    async def learn(self, strategy: str, kind: str,
                    change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """See `agentfix.Memory`. What nobody knows to be learnt is not learnt twice."""
        def learn(connection: Connection) -> None:
            with connection.transaction():
                connection.execute("INSERT INTO agentfix.memory VALUES (%s, %s, '{}') ON CONFLICT DO NOTHING",
                                   (strategy, kind))
                row = connection.execute(f"{_HELD} FOR UPDATE", (strategy, kind)).fetchone()
                text = written_memory(strategy, change({} if row is None else read_memory(row[0])))
                connection.execute("UPDATE agentfix.memory SET data = %s WHERE strategy = %s AND kind = %s",
                                   (text, strategy, kind))

        await self._db.do("written", learn, again=False)

    async def forget(self, strategy: str | None = None) -> int:
        """See `agentfix.Memory`."""
        return await self._db.do("written", lambda connection: connection.execute(
            "DELETE FROM agentfix.memory WHERE %(s)s::text IS NULL OR strategy = %(s)s", {"s": strategy}).rowcount)

    async def all(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """See `agentfix.Memory`."""
        query = "SELECT strategy, kind, data FROM agentfix.memory ORDER BY strategy, kind"
        return await self._db.do("read", lambda connection: [
            (strategy, kind, read_memory(data)) for strategy, kind, data in connection.execute(query)])

    async def aclose(self) -> None:
        """Close the connections. May be called twice."""
        await asyncio.to_thread(self._db.close)
