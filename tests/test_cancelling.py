"""A run that is cancelled, wherever it is, leaves nothing behind but its record, and goes on from there."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from agentfix import Agent, Check, Pool, Settings, Task, hookimpl, tool
from agentfix.plugins import Plugins
from agentfix.sandbox.docker.engine import open_engine
from agentfix.sandbox.docker.owners import this_owner
from agentfix.testing import ScriptedModel, script_plugin
from tests.sandbox.conftest import docker_missing  # noqa: F401 - a fixture

ENDLESS = "```python\ndef double(x):\n    while True:\n        pass\n```"
RIGHT = "```python\ndef double(x):\n    return 2 * x\n```"
DOUBLE = Task("Write a function double(x).", "code", (Check("assert double(4) == 8"),))
ACTS = Task("Press the button.", "tools")
PRESS = json.dumps({"plan": [{"do": "press", "tool": "press"}], "calls": [{"tool": "press", "arguments": {}}]})
DONE = json.dumps({"thought": "", "answer": "pressed"})
FOREVER_S = 3600.0


def ours() -> dict[str, object]:
    """What this process has that a run could leave behind."""
    mine, parents = os.getpid(), {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(link.readlink()).partition(":")[0])
        except FileNotFoundError:
            continue
    return {
        "processes": {pid for pid, parent in parents.items() if parent == mine},
        "threads": Counter(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
        "sockets": links.count("socket"),
        "tasks": len(asyncio.all_tasks()),
    }


class Reached:
    """Where a run is to be cancelled: whoever comes here the first time stays."""

    def __init__(self) -> None:
        self.now = asyncio.Event()

    async def stay(self) -> None:
        if not self.now.is_set():
            self.now.set()
            await asyncio.sleep(FOREVER_S)


class Buttons:
    """A tool that stays where it is pressed first, and a model that stays in its call."""

    def __init__(self, reached: Reached) -> None:
        self._reached = reached

    @hookimpl
    def agentfix_register_tools(self, register):
        reached = self._reached

        @tool(deterministic=True)
        async def press() -> str:
            """Press the button."""
            await reached.stay()
            return "pressed"

        @tool(side_effects=True, name="push")
        def push() -> str:
            """Push the button."""
            return "pushed"

        register(press)
        register(push)


class Staying(ScriptedModel):
    def __init__(self, steps, reached: Reached) -> None:
        super().__init__(steps)
        self._reached = reached

    async def generate(self, request, *, on_delta=None):
        await self._reached.stay()
        return await super().generate(request, on_delta=on_delta)


def made(folder: Path, model: ScriptedModel | None = None, *, named="scripted:", plugin=None, **options) -> Agent:
    chosen = {name: options.pop(name) for name in list(options) if name in Settings.model_fields}
    settings = Settings(**{"model": named, "sandbox": "embedded", "data_dir": folder, "memory": False, **chosen})
    extra = {"script": script_plugin(model or ScriptedModel([])), **({"buttons": plugin} if plugin else {})}
    return Agent(settings, Plugins(settings, extra), **options)


async def cancelled_at(reached: asyncio.Event, running: asyncio.Task) -> None:
    """Cancel a run where it was told to stay."""
    waiting = asyncio.create_task(reached.wait())
    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    waiting.cancel()
    assert reached.is_set(), f"the run ended before: {running}"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def left_nothing(agent: Callable[[], Agent], reached: asyncio.Event, task: Task, answer: str) -> None:
    """Cancel a run there, see that nothing is left, and go on with it: in the same agent, and in another one."""
    before = ours()
    async with agent() as first:
        tasks = len(asyncio.all_tasks())
        await cancelled_at(reached, asyncio.create_task(first.arun(task, run_id="r")))
        assert len(asyncio.all_tasks()) == tasks
        reached.set()
        assert (await first.aresume("r")).answer == answer
    assert ours() == before
    async with agent() as second:
        assert (await second.aresume("r")).answer == answer
    assert ours() == before


@pytest.fixture(autouse=True, scope="module")
def _warm(tmp_path_factory):
    """What a process opens once and keeps, such as the runtime of the embedded sandbox, is there before."""
    with made(tmp_path_factory.mktemp("warm"), ScriptedModel([RIGHT])) as agent:
        agent.run(DOUBLE)


async def test_in_a_model_call(tmp_path):
    reached, pool = Reached(), Pool(max_tokens=1000)
    await left_nothing(lambda: made(tmp_path, Staying([RIGHT], reached), pool=pool), reached.now, DOUBLE,
                       "def double(x):\n    return 2 * x")
    assert pool.remaining.tokens == 1000 - pool.usage.tokens  # what the call had set aside is given back


async def test_in_a_request_to_an_endpoint(tmp_path):
    """The endpoint never answers; it sees that its caller hangs up at once."""
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        while await reader.read(1000):
            pass
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        before, (_, port) = ours(), server.sockets[0].getsockname()
        async with made(tmp_path, named=f"openai:m@http://127.0.0.1:{port}/v1") as agent:
            await cancelled_at(asked, asyncio.create_task(agent.arun(DOUBLE, run_id="r")))
            async with asyncio.timeout(10):
                await hung_up.wait()
        assert ours() == before
    async with made(tmp_path, ScriptedModel([RIGHT])) as agent:
        assert (await agent.afork("r", 0, model="scripted:")).answer


async def test_in_a_tool_call(tmp_path):
    reached = Reached()
    await left_nothing(
        lambda: made(tmp_path, ScriptedModel([PRESS, *[DONE] * 9]), plugin=Buttons(reached), tools=("press",)),
        reached.now, ACTS, "pressed")


async def test_while_a_person_is_asked(tmp_path):
    reached = Reached()

    async def person(call, reason):
        await reached.stay()
        return True

    push = PRESS.replace('"press"', '"push"')
    await left_nothing(
        lambda: made(tmp_path, ScriptedModel([push, *[DONE] * 9]), plugin=Buttons(reached), tools=("push",),
                     on_approval=person, policy=("ask push",)),
        reached.now, ACTS, "pressed")


@pytest.mark.parametrize("sandbox", ["embedded", pytest.param("docker", marks=pytest.mark.docker)])
async def test_in_a_sandboxed_program(tmp_path, sandbox, docker_missing):  # noqa: F811
    if sandbox == "docker" and docker_missing:
        pytest.skip(docker_missing)
    before = ours()
    running = asyncio.Event()
    async with made(tmp_path, ScriptedModel([ENDLESS, RIGHT]), sandbox=sandbox, tool_timeout_s=2.0) as agent:

        def watch(event):
            if event.kind == "attempt":
                running.set()

        run = asyncio.create_task(agent.arun(DOUBLE, run_id="r", on_event=watch))
        await running.wait()
        await asyncio.sleep(0.3)  # into the program, not only up to it
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await agent.aresume("r")).answer == "def double(x):\n    return 2 * x"
    assert ours() == before
    if sandbox == "docker":
        with open_engine() as engine:
            assert [box for box in engine.containers() if box.owner == this_owner()] == []


async def test_in_a_stream_that_is_closed(tmp_path):
    before, reached = ours(), Reached()
    async with made(tmp_path, Staying([RIGHT], reached)) as agent:
        async with aclosing(agent.astream(DOUBLE, run_id="r")) as events:
            assert (await anext(events)).kind == "run_started"
            await reached.now.wait()
        assert len(asyncio.all_tasks()) == before["tasks"]
        assert (await agent.aresume("r")).answer
    assert ours() == before


async def test_at_the_end_of_a_time_limit(tmp_path):
    before, reached = ours(), Reached()
    async with made(tmp_path, Staying([RIGHT], reached)) as agent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await agent.arun(DOUBLE, run_id="r")
        assert (await agent.aresume("r")).answer
    assert ours() == before


@pytest.mark.parametrize("turns", [*range(0, 60, 3), *range(60, 400, 20)])
async def test_after_any_number_of_turns_of_the_event_loop(tmp_path, turns):
    before = ours()
    script = ["```python\nanswer = jars * 4\n```", "```python\nanswer = 15 * 4\n```", "4 * 15 = 60.\nThe answer is 60."]
    model = ScriptedModel(script)
    async with made(tmp_path, model) as agent:
        run = asyncio.create_task(agent.arun("A crate holds 15 jars. How many are in 4 crates?", run_id="r"))
        for _ in range(turns):
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert len(asyncio.all_tasks()) == before["tasks"]
        again = await agent.arun("A crate holds 15 jars. How many are in 4 crates?", run_id="r")
        assert again.answer == "60"
    assert ours() == before
    model.assert_done()
