"""Runs whose actor calls tools of MCP servers, watched and held as any other tool."""

from __future__ import annotations

import json

from agentfix import Agent, Settings, hookimpl, tool
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.loopback import Site
from tests.plugins.mcp.test_http import speaking


class Bringing:
    """A plugin with tools."""

    def __init__(self, tools):
        self._tools = tools

    @hookimpl
    def agentfix_register_tools(self, register):
        for each in self._tools:
            register(each)


def step(*calls, answer="", first=False):
    plan = {"plan": [{"do": "do it", "tool": calls[0][0] if calls else None}]} if first else {"thought": ""}
    made = {"calls": [{"tool": name, "arguments": arguments} for name, arguments in calls]} if calls else {}
    return json.dumps({**plan, **made, **({"answer": answer} if answer else {})})


async def ask(question, steps, more_tools=(), **chosen):
    model = ScriptedModel(steps)
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "kind": "tools", "strategy": "none", **chosen})
    events = []
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model), "more": Bringing(more_tools)}),
                     journal=SqliteJournal(None)) as agent:
        result = await agent.arun(question, on_event=events.append)
    model.assert_done()
    seen = [event.data["observation"] for event in events if event.kind == "observation"]
    return result, seen, [event.data["message"] for event in events if event.kind == "notice"]


async def test_a_server_is_started_called_made_anew_and_ended(fake, seen):
    result, observed, notices = await ask("Call it.", [
        step(("fake__echo", {"text": "hello"}), first=True), step(("fake__crash_once", {})), step(answer="done")],
        mcp_servers={"fake": fake(read_only=True), "gone": {"command": ["/no/such/program"]}})
    assert [(o.status, o.text) for o in observed] == [("ok", "hello"), ("ok", "here again")]
    assert notices == ["The MCP server 'gone' can't be reached: [Errno 2] No such file or directory: "
                       "'/no/such/program'."]
    assert result.answer == "done"
    assert [line for line in seen() if "started" in line or "ended" in line] == [
        {"started": "usual"}, {"started": "usual"}, {"ended": True}]


async def test_a_server_at_an_address_is_reached_as_the_tool_declares():
    with Site({"/mcp": speaking(lambda asked: "good morning")}) as site:
        _, observed, notices = await ask("Call it.", [step(("site__say", {}), first=True), step(answer="done")],
                                         mcp_servers={"site": {"url": site.url("/mcp"), "read_only": True}})
    assert ([(o.status, o.text) for o in observed], notices) == ([("ok", "good morning")], [])


async def test_what_acts_asks_first_and_is_not_run_unasked(fake, seen):
    steps = [step(("fake__write", {"text": "milk"}), first=True), step(answer="done")]
    chosen = {"mcp_servers": {"fake": fake(trust_words=True)}, "tools": ("fake__write",)}
    _, observed, _ = await ask("Write milk.", steps, **chosen)
    assert observed[0].status == "refused" and not any("called" in line for line in seen())
    _, observed, _ = await ask("Write milk.", steps, **chosen, policy=("allow fake__write(text=milk)",))
    assert observed[0].text == "milk" and sum("called" in line for line in seen()) == 1


async def test_no_server_is_started_for_a_run_that_does_not_act(fake, seen):
    await ask("Say milk.", ["milk"], kind="text", mcp_servers={"fake": fake()})
    assert seen() == []


async def test_what_a_server_says_of_its_tools_has_been_heard_from_the_start(fake, seen):
    sent = []

    @tool(side_effects=True)
    def send_mail(to: str) -> str:
        """Send a mail."""
        sent.append(to)
        return "sent"

    def tried(**more):
        steps = [step(("send_mail", {"to": "ann"}), first=True), step(answer="done")]
        return ask("Look whether ann wrote.", steps, more_tools=(send_mail,), policy=("allow send_mail",),
                   tools=("send_mail", "fake__echo"), mcp_servers={"fake": fake(read_only=True, **more)})

    _, observed, _ = await tried()
    assert observed[0].status == "refused" and sent == []
    assert "before 'the description of fake__echo' had been heard" in observed[0].text
    _, observed, _ = await tried(trust_words=True)
    assert observed[0].status == "ok" and sent == ["ann"]
