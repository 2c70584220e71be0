"""How large a journal grows and what it costs a round: `python -m tests.bench.journal [--json]`.

300 rounds of 4 kB attempts, each revising the last, by a model that answers at once. Times are of one run; the ratio to
the same run without a file says what writing to disk adds.
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

ROUNDS = 300
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


class Timed(SqliteJournal):
    """Counts the time that goes into the journal."""

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


async def measure(path: Path | None, noise: bool) -> dict[str, float]:
    """One run; sizes in bytes, times in milliseconds a round."""
    settings = Settings(model="writer:", kind="text", strategy="revise", max_rounds=None, sandbox="embedded")
    journal = Timed(path)
    agent = Agent(settings, Plugins(settings, {"parts": Parts(noise)}), journal=journal)
    began = time.perf_counter()
    result = await agent.arun("Write much.")
    took = time.perf_counter() - began
    assert len(result.attempts) == ROUNDS, result.stop_reason
    size = sum(p.stat().st_size for p in path.parent.glob(f"{path.name}*")) if path else 0
    await agent.aclose()
    return {"journal_bytes": size, "round_ms": 1000 * took / ROUNDS, "journal_ms": 1000 * journal.seconds / ROUNDS}


async def main(as_json: bool) -> None:
    """Print the figures."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures["in memory"] = await measure(None, False)
        figures["words"] = await measure(Path(folder) / "words.sqlite", False)
        figures["noise"] = await measure(Path(folder) / "noise.sqlite", True)
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, f in figures.items():
        sys.stdout.write(f"{name:10} {f['journal_bytes'] / 1e6:6.2f} MB with its log, {f['round_ms']:.2f} ms a round, "
                         f"of which journal {f['journal_ms']:.2f} ms\n")


if __name__ == "__main__":
    asyncio.run(main("--json" in sys.argv))
