"""Which tools a run makes, and which it closes."""

from __future__ import annotations

from agentfix import Agent, Critique, Observation, Settings, ToolCall, ToolCalls, ToolSpec, hookimpl
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

ANSWER = "The answer is 60."
QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"


class Counter:
    """A tool that keeps a number for one run."""

    spec = ToolSpec("counter", "Counts.", {"type": "object"})

    def __init__(self, closed: list[int]) -> None:
        self._count = 0
        self._closed = closed

    async def run(self, arguments, context):
        self._count += 1
        return Observation("counter", "ok", str(self._count))

    async def aclose(self):
        self._closed.append(self._count)


class Counts:
    """A critic that has the tool count twice, and finds its last word right."""

    name = "counts"

    async def review(self, task, attempts, context):
        if len(context.asked) < 2:
            return ToolCalls((ToolCall("counter", {"again": len(context.asked)}),))
        return [Critique(a.id, self.name, "accept", context.asked[-1].observation.text) for a in attempts]


class Plugin:
    """Registers both, and says how often the tool was made."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[int] = []
        self.works = True

    def _make(self, build):
        if not self.works:
            raise RuntimeError("it is out of order")
        self.made += 1
        return Counter(self.closed)

    @hookimpl
    def agentfix_register_tools(self, register):
        register("counter", self._make)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("counts", lambda build: Counts())


def open_agent(plugin: Plugin) -> Agent:
    settings = Settings(model="scripted:", sandbox="embedded", kind="text")
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel([ANSWER] * 5)), "plugin": plugin})
    return Agent(settings, plugins, journal=SqliteJournal(None))


async def counted(agent: Agent, on_event=None) -> str:
    """The last word of the tool in a run that reviews an answer."""
    result = await agent.averify(QUESTION, ANSWER, critics=["counts"], on_event=on_event)
    return next(c.feedback for c in result.critiques if c.critic == "counts")


async def test_a_tool_that_a_run_does_not_use_is_not_made_for_it():
    plugin = Plugin()
    async with open_agent(plugin) as agent:
        for _ in range(5):
            await agent.arun(QUESTION, strategy="none")
    assert plugin.made <= 1
    assert len(plugin.closed) == plugin.made


async def test_a_tool_keeps_its_state_for_one_run_and_is_closed_after_it():
    plugin = Plugin()
    async with open_agent(plugin) as agent:
        assert [await counted(agent) for _ in range(3)] == ["2", "2", "2"]
        assert plugin.closed == [2, 2, 2]


async def test_a_tool_that_can_not_be_made_any_more_is_named_and_missing():
    plugin, events = Plugin(), []
    async with open_agent(plugin) as agent:
        assert await counted(agent) == "2"
        plugin.works = False
        assert "no tool named 'counter'" in await counted(agent, events.append)
        plugin.works = True
        assert await counted(agent) == "2"
    told = [event.data["message"] for event in events if event.kind == "notice"]
    assert [message for message in told if "out of order" in message]
