"""How large a journal grows and what it costs a round: `python -m tests.bench.journal [--json]`.

300 rounds of 4 kB attempts, each revising the last, by a model that answers at once. Times are of one run; the ratio to
the same run without a file says what writing to disk adds. Where PostgreSQL is installed, or AGENTFIX_TEST_POSTGRES
names a server, the same run is kept there too, and calls of many runs at once are written with 1, 8 and 64 connections;
each of its writes waits for the disk, which SQLite's do only where a call with side effects begins.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from agentfix import Agent, Completion, Critique, Expand, Review, Settings, Stop, Usage, hookimpl
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.protocols import CallKey
from tests.postgres import new_database, some_server

ROUNDS = 300
CALLS = 1000
AT_ONCE = 64
WRITES = 6400
WORDS = [word for word in Path(__file__).read_text(encoding="utf-8").split() if word.isalpha()]


class Writer:
    """Writes 4 kB, at once; half of the lines change from one attempt to the next."""

    name = "writer"

    def __init__(self, noise: bool) -> None:
        self._chance = random.Random(0)
        self._noise = noise
        self._lines = [self._line() for _ in range(50)]

    def _line(self) -> str:
        if self._noise:
            return f"{self._chance.getrandbits(320):080x}"[:81]
        return " ".join(self._chance.choices(WORDS, k=14))[:81]

    async def generate(self, request: Any, *, on_delta: Any = None) -> list[Completion]:
        for i in range(0, 50, 2):
            self._lines[i] = self._line()
        text = "\n".join(self._lines)
        return [Completion(text, usage=Usage(completion_tokens=1000))]

    async def aclose(self) -> None:
        """Nothing to free."""


class Revise:
    """Revises the last attempt, after a review."""

    name = "revise"

    def decide(self, tree: Any, budget: Any, memory: Any, seed: int) -> list[Any]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1].id
        if not tree.reviewed(last):
            return [Review((last,), ("dislike",))]
        return [Stop("enough")] if last + 1 == ROUNDS else [Expand(parent=last, guidance="Once more.")]


class Dislike:
    """A critic that wants more."""

    name = "dislike"

    async def review(self, task: Any, attempts: Any, context: Any) -> list[Critique]:
        return [Critique(a.id, self.name, "revise", "Once more.") for a in attempts]


class Parts:
    """Registers them."""

    def __init__(self, noise: bool) -> None:
        self._noise = noise

    @hookimpl
    def agentfix_register_models(self, register: Any) -> None:
        register("writer", lambda build: Writer(self._noise))

    @hookimpl
    def agentfix_register_critics(self, register: Any) -> None:
        register("dislike", lambda build: Dislike())

    @hookimpl
    def agentfix_register_strategies(self, register: Any) -> None:
        register("revise", lambda build: Revise())


def timed(kind: type[Any], *given: Any) -> Any:
    """A journal that counts the seconds that go into it."""

    class Timed(kind):
        seconds = 0.0

        async def _timed(self, work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
            began = time.perf_counter()
            try:
                return await work(*args)
            finally:
                self.seconds += time.perf_counter() - began

        async def find(self, key: Any) -> Any:
            return await self._timed(super().find, key)

        async def end(self, key: Any, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
            await self._timed(super().end, key, request, reply)

        async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
            await self._timed(super().record, run, kind, key, data)

    return Timed(*given)


async def measure(journal: Any, noise: bool, path: Path | None = None) -> dict[str, float]:
    """One run; sizes in bytes, times in milliseconds a round."""
    settings = Settings(model="writer:", kind="text", strategy="revise", max_rounds=None, sandbox="embedded")
    agent = Agent(settings, Plugins(settings, {"parts": Parts(noise)}), journal=journal)
    began = time.perf_counter()
    result = await agent.arun("Write much.")
    took = time.perf_counter() - began
    assert len(result.attempts) == ROUNDS, result.stop_reason
    size = sum(p.stat().st_size for p in path.parent.glob(f"{path.name}*")) if path else 0
    await agent.aclose()
    return {"journal_bytes": size, "round_ms": 1000 * took / ROUNDS, "journal_ms": 1000 * journal.seconds / ROUNDS}


async def calls_ms(journal: Any) -> dict[str, float]:
    """What one call costs: to be looked up, and to be written."""
    figures: dict[str, float] = {}
    await journal.begin_run("calls", {})
    keys = [CallKey("calls", f"a{i}", "d1") for i in range(CALLS)]
    for name, work in (("end", lambda key: journal.end(key, *_call(key.place))), ("find", journal.find)):
        for key in keys[:50]:
            await work(key)
        began = time.perf_counter()
        for key in keys:
            await work(key)
        figures[f"{name}_ms"] = 1000 * (time.perf_counter() - began) / CALLS
    return figures


async def writes_per_s(journal: Any) -> float:
    """How many calls are written in a second, of many runs at once."""
    for run in range(AT_ONCE):
        await journal.begin_run(f"many{run}", {})

    async def write(run: int) -> None:
        for i in range(WRITES // AT_ONCE):
            await journal.end(CallKey(f"many{run}", f"a{i}", "d1"), *_call(f"{run} {i}"))

    began = time.perf_counter()
    await asyncio.gather(*(write(run) for run in range(AT_ONCE)))
    return WRITES / (time.perf_counter() - began)


def _call(place: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"q": f"{place} " + " ".join(WORDS[:150])}, {"a": " ".join(WORDS[150:300]) + f" {place}"}


async def in_postgres(url: str, file: Path) -> dict[str, float]:
    """The same run, calls and writes in a database and in a file."""
    from agentfix.journal.postgres import PostgresJournal

    figures = await measure(timed(PostgresJournal, url), False)
    figures.pop("journal_bytes")
    for name, journal in (("sqlite_", SqliteJournal(file)), ("", PostgresJournal(url))):
        figures |= {name + figure: ms for figure, ms in (await calls_ms(journal)).items()}
        figures[f"{name}writes_per_s"] = await writes_per_s(journal)
        await journal.aclose()
    for connections in (1, 8, 64):
        with new_database(url) as empty:
            journal = PostgresJournal(empty, connections)
            figures[f"writes_per_s_{connections}"] = await writes_per_s(journal)
            await journal.aclose()
    return figures


async def main(as_json: bool) -> None:
    """Print the figures."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, some_server(fsync=True) as url:
        figures["in memory"] = await measure(timed(SqliteJournal, None), False)
        for name in ("words", "noise"):
            path = Path(folder) / f"{name}.sqlite"
            figures[name] = await measure(timed(SqliteJournal, path), name == "noise", path)
        if url is not None:
            with new_database(url) as empty:
                figures["PostgreSQL"] = await in_postgres(empty, Path(folder) / "calls.sqlite")
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name in ("in memory", "words", "noise"):
        f = figures[name]
        sys.stdout.write(f"{name:10} {f['journal_bytes'] / 1e6:6.2f} MB with its log, {f['round_ms']:.2f} ms a round, "
                         f"of which journal {f['journal_ms']:.2f} ms\n")
    if f := figures.get("PostgreSQL"):
        _tell(f, figures["words"])


def _tell(f: Mapping[str, float], file: Mapping[str, float]) -> None:
    sys.stdout.write(
        f"PostgreSQL: {f['round_ms']:.2f} ms a round ({f['round_ms'] / file['round_ms']:.2f} times the file's), of "
        f"which journal {f['journal_ms']:.2f} ms; a call is found in {f['find_ms']:.2f} ms "
        f"({f['find_ms'] / f['sqlite_find_ms']:.1f} times) and written in {f['end_ms']:.2f} ms "
        f"({f['end_ms'] / f['sqlite_end_ms']:.1f} times)\n")
    one = f["writes_per_s_1"]
    sys.stdout.write(f"{AT_ONCE} runs write at once: 1 connection {one:,.0f} calls a second; " + "; ".join(
        f"{n} connections {f[f'writes_per_s_{n}'] / one:.2f} times that" for n in (8, 64))
        + f"; SQLite {f['sqlite_writes_per_s'] / one:.2f} times\n")


if __name__ == "__main__":
    asyncio.run(main("--json" in sys.argv))
