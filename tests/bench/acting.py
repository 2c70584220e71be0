"""Twenty tasks in small worlds, with and without correction: `python -m tests.bench.acting`.

A task is done when the world is as it was asked for; what the model says of it does not count. The first attempts of
both strategies are the same. A user who says yes to everything stands by.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from agentfix import Agent, Event, Plugins, Result, Settings, Task, hookimpl, load_settings
from agentfix.journal import SqliteJournal
from tests.bench.worlds import Job, World, calendar, files, shop

JOBS = (*files.JOBS, *calendar.JOBS, *shop.JOBS)


@dataclass
class Lent:
    """A model that outlives the agents that use it."""

    model: Any

    @property
    def name(self) -> str:
        return self.model.name

    async def generate(self, request: Any, **options: Any) -> Any:
        return await self.model.generate(request, **options)

    async def aclose(self) -> None:
        """It is closed at the end of the bench."""


@dataclass(eq=False)
class Setting:
    """What a task is done with: the tools of its world."""

    world: World
    model: Lent

    @hookimpl
    def agentfix_register_tools(self, register: Any) -> None:
        for tool in self.world.tools():
            register(tool)

    @hookimpl
    def agentfix_register_models(self, register: Any) -> None:
        register("lent", lambda build: self.model)


class Kept(SqliteJournal):
    """A journal that outlives the agents that use it."""

    async def aclose(self) -> None:
        """It is closed with the process."""


async def willing(call: Any, reason: str) -> bool:
    return True


async def do(job: Job, strategy: str, model: Lent, journal: Kept, base: Settings,
             story: list[str]) -> tuple[bool, Result]:
    """Do a task. Returns whether it is done, and what the run says of itself."""
    world = job.world()
    settings = base.model_copy(update={
        "model": "lent:", "strategy": strategy, "sandbox": "embedded",
        "tools": tuple(tool.spec.name for tool in world.tools()), "disabled_plugins": ("files",)})

    def hear(event: Event) -> None:
        if event.kind == "observation":
            call, said = event.data["call"], event.data["observation"]
            story.append(f"  {event.data['caller']} {call.tool} {json.dumps(dict(call.arguments))[:300]} -> "
                         f"{said.status}: {said.text[:200]!r}")
        elif event.kind == "plan":
            story.append(f"  plan: {event.data['plan']}")
        elif event.kind == "attempt":
            story.extend(f"    {step.text}" for step in event.data["attempt"].steps)
            story.append(f"  attempt {event.data['attempt'].id}: {event.data['attempt'].answer}")
        elif event.kind == "critique":
            said = event.data["critique"]
            story.append(f"  {said.critic}: {said.verdict} {said.feedback!r} {[e.summary for e in said.evidence]}")
        elif event.kind == "notice":
            story.append(f"  notice: {event.data['message']}")

    plugins = Plugins(settings, {"setting": Setting(world, model)})
    for info in plugins.problems():
        raise SystemExit(info.problem)
    async with Agent(settings, plugins, journal=journal, reuse=True, on_approval=willing) as agent:
        result = await agent.arun(Task(job.question, "tools"), on_event=hear)
    return job.done(world), result


async def main(names: list[str], strategies: list[str], kind: str, rounds: int, tell: bool) -> None:
    base = load_settings({"max_rounds": rounds, "kind": kind})
    backend, _, rest = base.model.partition(":")
    model = Lent(Plugins(base).build("model", backend, rest))
    journal = Kept(None)
    jobs = [job for job in JOBS if not names or job.name in names]
    won: dict[str, list[bool]] = {strategy: [] for strategy in strategies}
    spent: dict[str, list[Result]] = {strategy: [] for strategy in strategies}
    for job in jobs:
        for strategy in strategies:
            story: list[str] = []
            done, result = await do(job, strategy, model, journal, base, story)
            won[strategy].append(done)
            spent[strategy].append(result)
            by = result.supported_by.label if result.supported_by else "nothing"
            say(f"{job.name:12} {strategy:8} {'done' if done else 'NOT DONE':8} {len(result.attempts)} attempts, "
                f"{result.usage.tool_calls} calls, supported by {by}, {result.seconds:.0f} s; "
                f"{result.stop_reason[:80]}")
            for line in story if tell else []:
                say(line)
    await model.model.aclose()
    for strategy in strategies:
        tokens = sum(r.usage.tokens for r in spent[strategy]) / len(jobs)
        seconds = sum(r.seconds for r in spent[strategy]) / len(jobs)
        say(f"{strategy:8} {sum(won[strategy])} of {len(jobs)} done, {tokens:,.0f} tokens and {seconds:.0f} s a task")
    if len(strategies) == 2:
        pairs = list(zip(*won.values(), strict=True))
        say(f"{pairs.count((False, True))} mended, {pairs.count((True, False))} spoiled")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("job", nargs="*", help="names of tasks; all unless told")
    parser.add_argument("--strategy", action="append")
    parser.add_argument("--kind", default="tools", help="tools, or tools:native")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--tell", action="store_true", help="every call and verdict")
    given = parser.parse_args()
    asyncio.run(main(given.job, given.strategy or ["none", "critic"], given.kind, given.rounds, given.tell))
