"""Kills runs at random moments and resumes them: `python -m tests.killing URL FOLDER KILLS [JOURNAL]`.

A process of its own, so that what is forked is small and has one thread. It prints one JSON object. The model is an
endpoint on loopback (tests/test_killing.py), the tool a side effect that can be counted: it adds a line to a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import openai  # noqa: F401  (loaded once here, not again in each child)
import pydantic_monty  # noqa: F401

from agentfix import Agent, Critique, Observation, PendingToolCall, Settings, ToolCall, ToolCalls, ToolSpec, hookimpl
from agentfix.agent.agent import OnEvent
from agentfix.plugins import Plugins

JOURNAL = sys.argv[4] if len(sys.argv) > 4 else "file"
QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"


class Ledger:
    """A tool that adds a line to a file, and a critic that has it added for each attempt."""

    name = "ledger"
    spec = ToolSpec("ledger", "Adds a line.", {"type": "object"}, side_effects=True)

    def __init__(self, file: Path) -> None:
        self._file = file

    async def run(self, arguments, context):
        await asyncio.sleep(0.002)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(arguments) + "\n")
        return Observation("ledger", "ok", "added")

    async def review(self, task, attempts, context):
        wanted = [ToolCall("ledger", {"attempt": a.id, "answer": a.answer}) for a in attempts]
        if len(context.asked) < len(wanted):
            return ToolCalls(tuple(wanted))
        return [Critique(a.id, self.name, "abstain") for a in attempts]

    @hookimpl
    def agentfix_register_tools(self, register):
        register("ledger", lambda build: self)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("ledger", lambda build: self)


def agent_in(model: str, folder: Path) -> Agent:
    settings = Settings(model=model, sandbox="embedded", critics=("ledger",), data_dir=folder, journal=JOURNAL)
    return Agent(settings, Plugins(settings, {"ledger": Ledger(folder / "ledger.jsonl")}), on_approval=approved)


async def approved(pending: PendingToolCall, reason: str) -> bool:
    return True


async def go(model: str, folder: Path, *, resume: bool, on_event: OnEvent | None = None) -> dict[str, Any]:
    async def look(call: ToolCall) -> str:
        """What a person would do: see whether the line is there."""
        return "done" if json.dumps(call.arguments) in ledger_of(folder) else "again"

    async with agent_in(model, folder) as agent:
        header = await (await agent.open_journal()).header(folder.name)
        if resume and header is not None:
            result = await agent.aresume(folder.name, on_doubt=look)
        else:
            result = await agent.arun(QUESTION, run_id=folder.name, on_event=on_event)
    return {"answer": result.answer, "stop": result.stop_reason, "by": result.supported_by,
            "attempts": [a.text for a in result.attempts], "calls": result.usage.model_calls,
            "tokens": result.usage.completion_tokens}


async def ended_calls(model: str, folder: Path) -> list[tuple[str, int]]:
    """What the model was asked in the calls that the journal has the replies of."""
    if JOURNAL == "file" and not (folder / "journal.sqlite").exists():
        return []
    async with agent_in(model, folder) as agent:
        calls = await (await agent.open_journal()).calls(folder.name)
    return [(as_sent(call.request), call.request["sampling"]["seed"]) for call in calls
            if "messages" in call.request and call.reply]


def as_sent(request: Any) -> str:
    """The messages as the server saw them."""
    return json.dumps([{"content": m["content"], "role": m["role"]} for m in request["messages"]], sort_keys=True)


def in_child(work: Coroutine[Any, Any, Any]) -> Any:
    """Run in a child of its own: this process stays as it was, so that every child starts alike."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(asyncio.run(work), pipe)
        os._exit(0)
    work.close()
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said)


def killed_at(happened: int, then_s: float, model: str, folder: Path) -> bool:
    """Run in a child that is killed a while after so many things have happened in it: a slow machine kills as far into
    the run as a quick one.

    Returns whether it was still running.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        asyncio.run(go(model, folder, resume=False, on_event=lambda event: _tell(writing)))
        os._exit(0)
    os.close(writing)
    while happened and (told := os.read(reading, happened)):
        happened -= len(told)
    os.close(reading)
    time.sleep(then_s)
    ended, _ = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return not ended


def _tell(writing: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody counts any more: the kill is on its way
        os.write(writing, b".")


def ledger_of(folder: Path) -> list[str]:
    file = folder / "ledger.jsonl"
    return sorted(file.read_text(encoding="utf-8").splitlines()) if file.exists() else []


def events_in(model: str, folder: Path) -> list[float]:
    """When each thing happened in a run, in seconds from its start-up."""
    folder.mkdir()

    async def times() -> list[float]:
        began, seen = time.monotonic(), list[float]()
        await go(model, folder, resume=False, on_event=lambda event: seen.append(time.monotonic() - began))
        return seen

    return in_child(times())


if JOURNAL != "file":
    import agentfix.journal.postgres  # noqa: F401


def main(url: str, folder: Path, kills: int) -> None:
    chance = random.Random(0)
    (folder / "whole").mkdir()
    whole = in_child(go(f"openai:whole@{url}", folder / "whole", resume=False))
    times = events_in(f"openai:timed@{url}", folder / "timed")
    gaps = [after - before for before, after in zip([0.0, *times], [*times, times[-1]], strict=True)]
    report: dict[str, Any] = {"whole": whole, "ledger": ledger_of(folder / "whole"), "runs": []}
    cut = 0
    for number in range(kills * 3):
        if cut == kills:
            break
        place = folder / str(number)
        name = f"openai:m{number}@{url}"
        place.mkdir()
        happened = chance.randrange(len(gaps))
        cut += killed_at(happened, chance.uniform(0, gaps[happened]), name, place)
        ended = in_child(ended_calls(name, place))
        result = in_child(go(name, place, resume=True))
        report["runs"].append({"model": f"m{number}", "ended": ended,
                               "result": result, "ledger": ledger_of(place)})
    report["killed"] = cut
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
