"""The statements of the journal in PostgreSQL, and what they take and give.

Each reads or writes a row with all its long texts in one round trip, and by itself is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from agentfix.journal import texts
from agentfix.journal.postgres.database import Connection

_TEXTS: LiteralString = """kept AS (
    INSERT INTO agentfix.texts SELECT * FROM unnest(%(uses)s::bytea[], %(bodies)s::bytea[]) ON CONFLICT DO NOTHING)"""
"""Whoever drops texts waits for it, and it for them: a text that a row is about to use is not dropped."""
_OWNER: LiteralString = """owner AS (
    SELECT number FROM agentfix.runs WHERE id = %(run)s AND (%(token)s::bigint IS NULL OR holder = %(token)s::bigint)
    FOR SHARE)"""
"""Whoever takes a run up waits for it: what was written under an older claim is seen, or refused."""

BEGIN_RUN: LiteralString = f"""WITH {_TEXTS}
    INSERT INTO agentfix.runs (id, begun, header, uses, holder)
    VALUES (%(run)s, %(now)s, %(header)s, %(uses)s::bytea[], %(token)s::bigint)
    ON CONFLICT (id) DO UPDATE SET header = excluded.header, uses = excluded.uses
    WHERE %(token)s::bigint IS NULL OR runs.holder = %(token)s::bigint RETURNING number"""
BEGIN: LiteralString = f"""WITH {_TEXTS}, {_OWNER}
    INSERT INTO agentfix.calls (run, place, digest, request, uses)
    SELECT number, %(place)s, %(digest)s::bytea, %(request)s, %(uses)s::bytea[] FROM owner
    ON CONFLICT DO NOTHING RETURNING number"""
END: LiteralString = f"""WITH {_TEXTS}, {_OWNER}
    INSERT INTO agentfix.calls (run, place, digest, request, reply, ended, uses)
    SELECT number, %(place)s, %(digest)s::bytea, %(request)s, %(reply)s, %(now)s, %(uses)s::bytea[] FROM owner
    ON CONFLICT (run, place, digest) DO UPDATE SET number = DEFAULT, request = excluded.request,
        reply = excluded.reply, ended = excluded.ended, uses = excluded.uses RETURNING number"""
"""A call is in its place by when it ended: it has a number anew."""
RECORD: LiteralString = f"""WITH {_TEXTS}, {_OWNER}
    INSERT INTO agentfix.records (run, kind, key, data, uses)
    SELECT number, %(kind)s, %(key)s, %(data)s, %(uses)s::bytea[] FROM owner
    ON CONFLICT (run, kind, key) DO UPDATE SET data = excluded.data, uses = excluded.uses RETURNING number"""

_LAST_ACTIVE: LiteralString = "greatest(begun, (SELECT max(ended) FROM agentfix.calls WHERE run = runs.number))"
HEADER: LiteralString = "SELECT 1 AS place_in, uses, header FROM agentfix.runs WHERE id = %(run)s"
FIND: LiteralString = """SELECT 1 AS place_in, calls.uses, request, reply, ended
    FROM agentfix.calls JOIN agentfix.runs ON run = runs.number
    WHERE id = %(run)s AND place = %(place)s AND digest = %(digest)s"""
FIND_ANYWHERE: LiteralString = """SELECT 1 AS place_in, uses, reply FROM agentfix.calls
    WHERE digest = %(digest)s AND reply IS NOT NULL ORDER BY number LIMIT 1"""
CALLS: LiteralString = """SELECT row_number() OVER (ORDER BY ended IS NULL, calls.number) AS place_in, calls.uses,
        place, digest, request, reply, ended
    FROM agentfix.calls JOIN agentfix.runs ON run = runs.number WHERE id = %(run)s"""
RECORDS: LiteralString = """SELECT records.number AS place_in, records.uses, data
    FROM agentfix.records JOIN agentfix.runs ON run = runs.number WHERE id = %(run)s AND kind = %(kind)s"""
RUNS: LiteralString = f"""SELECT place_in,
        uses || ARRAY(SELECT unnest(uses) FROM agentfix.records
                      WHERE run = runs.number AND kind IN ('result', 'failure', 'remark')) AS uses,
        id, begun, {_LAST_ACTIVE}, header,
        (SELECT count(*) FROM agentfix.calls WHERE run = runs.number AND reply IS NOT NULL),
        (SELECT data FROM agentfix.records WHERE run = runs.number AND kind = 'result'),
        (SELECT data FROM agentfix.records WHERE run = runs.number AND kind = 'failure'),
        ARRAY(SELECT data FROM agentfix.records WHERE run = runs.number AND kind = 'remark' ORDER BY number)
    FROM (SELECT row_number() OVER (ORDER BY begun DESC, number DESC) AS place_in, * FROM agentfix.runs
          WHERE %(run)s::text IS NULL OR id = %(run)s ORDER BY place_in LIMIT %(limit)s) AS runs"""
STATE: LiteralString = """SELECT
        (SELECT count(*) FROM agentfix.calls WHERE run = runs.number),
        (SELECT max(ended) FROM agentfix.calls WHERE run = runs.number),
        (SELECT sum(length(data)) FROM agentfix.records WHERE run = runs.number),
        (SELECT string_agg(data, ',' ORDER BY number) FROM agentfix.records WHERE run = runs.number
         AND kind = 'remark')
    FROM agentfix.runs WHERE id = %(run)s"""
NAMES: LiteralString = """SELECT id FROM agentfix.runs WHERE starts_with(id, %(begins)s)
    ORDER BY begun DESC, number DESC"""
OLD: LiteralString = f"SELECT id FROM agentfix.runs WHERE {_LAST_ACTIVE} < %s"
DROP: LiteralString = "DELETE FROM agentfix.runs WHERE id = ANY(%s)"
DROP_CALLS: LiteralString = """WITH gone AS (
        DELETE FROM agentfix.calls WHERE NOT EXISTS (SELECT FROM agentfix.runs WHERE runs.number = run)
        RETURNING length(request) + coalesce(length(reply), 0) AS size)
    SELECT count(*), coalesce(sum(size), 0) FROM gone"""
DROP_RECORDS: LiteralString = """WITH gone AS (
        DELETE FROM agentfix.records WHERE NOT EXISTS (SELECT FROM agentfix.runs WHERE runs.number = run)
        RETURNING length(data) AS size)
    SELECT count(*), coalesce(sum(size), 0) FROM gone"""
SINCE: LiteralString = "SELECT txid_snapshot_xmin(txid_current_snapshot())"
"""The transaction from which on there may be rows that a later statement does not see."""
UNUSED: LiteralString = """WITH used AS (
        SELECT unnest(uses) AS name FROM agentfix.runs UNION SELECT unnest(uses) FROM agentfix.calls
        UNION SELECT unnest(uses) FROM agentfix.records)
    SELECT hash FROM agentfix.texts WHERE NOT EXISTS (SELECT FROM used WHERE name = hash)"""
_LATER: LiteralString = "((xmin::text::bigint - %(since)s::bigint) & 4294967295) < 2147483648"
"""Transactions are counted around: what is older by half of all numbers counts as later, and keeps its texts."""
DROP_TEXTS: LiteralString = f"""WITH used AS (
        SELECT unnest(uses) AS name FROM agentfix.runs WHERE {_LATER}
        UNION SELECT unnest(uses) FROM agentfix.calls WHERE {_LATER}
        UNION SELECT unnest(uses) FROM agentfix.records WHERE {_LATER}),
    gone AS (
        DELETE FROM agentfix.texts WHERE hash = ANY(%(names)s::bytea[])
        AND NOT EXISTS (SELECT FROM used WHERE name = hash) RETURNING length(body) AS size)
    SELECT count(*), coalesce(sum(size), 0) FROM gone"""


class Packing:
    """Values as rows hold them, with the long texts that they use."""

    def __init__(self) -> None:
        self._texts: dict[bytes, bytes] = {}

    def dumped(self, value: Any) -> str:
        """The JSON of a value."""
        return texts.dump(value, self._put)

    def parameters(self, **others: Any) -> dict[str, Any]:
        """The parameters of a statement that writes them."""
        kept = sorted(self._texts.items())  # in one order, so that no two writers wait for each other
        return {"uses": [name for name, _ in kept], "bodies": [body for _, body in kept], **others}

    def _put(self, text: str) -> str:
        name, raw = texts.named(text)
        if name not in self._texts:
            self._texts[name] = texts.packed(raw)
        return name.hex()


class Found:
    """Rows with their long texts, as they were at one moment."""

    def __init__(self, connection: Connection, query: LiteralString, parameters: Mapping[str, Any]) -> None:
        self.rows: list[Sequence[Any]] = []
        self._texts: dict[bytes, bytes] = {}
        for name, body, _, _, *row in connection.execute(
                f"""WITH found AS MATERIALIZED ({query}),
                    used AS (SELECT hash, body FROM agentfix.texts
                             WHERE hash IN (SELECT unnest(uses) FROM found))
                    SELECT used.*, found.* FROM found FULL JOIN used ON false ORDER BY place_in""", parameters):
            if name is None:
                self.rows.append(row)
            else:
                self._texts[bytes(name)] = bytes(body)

    def loaded(self, data: str) -> Any:
        """The value of JSON in a row."""
        return texts.load(data, self._get)

    def or_none(self, data: str | None) -> Any:
        """The same, where there is some."""
        return None if data is None else self.loaded(data)

    def _get(self, name: str) -> str:
        body = self._texts.get(bytes.fromhex(name))
        if body is None:
            raise ValueError(f"text {name} is missing")
        return texts.unpacked(body)
