"""Tools that are found by opening what holds them: whose runs open it, and what a run keeps of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from agentfix import Agent, ConfigError, Settings, ToolError, UnknownNameError, hookimpl, tool
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

ASKED = "Say the word of the day, milk, aloud."


def says(call=None, *, text="milk", answer="", first=False):
    """A step of the actor."""
    made = {} if call is None else {"calls": [{"tool": call, "arguments": {"text": text}}]}
    return json.dumps({**({"plan": [{"do": "say it", "tool": call}]} if first else {"thought": ""}), **made,
                       **({"answer": answer} if answer else {})})


@dataclass(eq=False)
class Holder:
    """Holds two tools. Implements `agentfix.Tools`."""

    text: str = "Say a text."
    problem: BaseException | None = None
    opened: int = 0
    closed: int = 0
    said: list[str] = field(default_factory=list)

    async def open(self, notice):
        self.opened += 1
        if self.problem is not None:
            raise self.problem

        @tool(name="holder__say", description=self.text)
        def say(text: str) -> str:
            """Say a text."""
            self.said.append(text)
            return f"heard {text}"

        @tool(name="holder__shout", side_effects=True)
        def shout(text: str) -> str:
            """Shout a text."""
            self.said.append(text.upper())
            return "done"

        return [say, shout]

    async def aclose(self):
        self.closed += 1

    @hookimpl
    def agentfix_register_tools(self, register):
        register("holder", lambda build: self)


@tool(name="holder__say")
def say(text: str) -> str:
    """A tool of the same name."""
    return "said by another"


def make(script, *holders, journal=None, **chosen):
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "kind": "tools", "strategy": "none", **chosen})
    extra = {f"holder{i or ''}": holder for i, holder in enumerate(holders)}
    return Agent(settings, Plugins(settings, {"script": script_plugin(script), **extra}),
                 journal=journal or SqliteJournal(None))


def notices(events):
    return [event.data["message"] for event in events if event.kind == "notice"]


async def test_an_actor_calls_what_was_found_and_it_is_let_go_with_the_agent():
    holder, events = Holder(), []
    model = ScriptedModel([says("holder__say", first=True), says(answer="milk")] * 2)
    async with make(model, holder) as agent:
        result = await agent.arun(ASKED, on_event=events.append)
        assert (result.answer, holder.said) == ("milk", ["milk"])
        await agent.arun(ASKED)
        assert (holder.opened, holder.closed) == (2, 0)  # it gives what there is now
    assert holder.closed == 1 and notices(events) == []
    assert "shout" not in model.requests[0].messages[0].content  # what acts is offered to who names it


async def test_what_is_found_acts_only_with_a_persons_word():
    for policy, said in (((), []), (("allow holder__shout",), ["MILK"])):
        holder = Holder()
        model = ScriptedModel([says("holder__shout", first=True), says(answer="milk")])
        async with make(model, holder, tools=("holder",), policy=policy) as agent:
            await agent.arun(ASKED)
        assert holder.said == said


@pytest.mark.parametrize(("kind", "tools", "opened"), [
    ("text", (), 0), ("tools", ("calculator",), 0), ("tools", ("calculator", "holder__say"), 1),
    ("tools", ("holder",), 1)])
async def test_it_is_opened_for_runs_that_may_call_it(kind, tools, opened):
    holder = Holder()
    step = "milk" if kind == "text" else says(answer="milk", first=True)
    async with make(ScriptedModel([step]), holder, kind=kind, tools=tools) as agent:
        assert (await agent.arun(ASKED)).answer == "milk"
    assert holder.opened == opened


async def test_a_misspelt_name_is_said():
    async with make(ScriptedModel([]), Holder(), tools=("holder__sya",)) as agent:
        with pytest.raises(UnknownNameError, match="no tool named 'holder__sya'"):
            await agent.arun(ASKED)


@pytest.mark.parametrize(("problem", "words"), [
    (ToolError("the line is dead."), "The tools of 'holder' can't be used: the line is dead."),
    (ConfigError("The key is wrong.", "Mend it."), "The tools of 'holder' can't be used: The key is wrong. Mend it."),
    (ZeroDivisionError("why"), "The tools of 'holder' can't be used: opening them raised ZeroDivisionError('why')."),
])
async def test_what_can_not_be_opened_is_named_and_the_run_goes_on(problem, words):
    events = []
    model = ScriptedModel([says(answer="milk", first=True)])
    async with make(model, Holder(problem=problem)) as agent:
        assert (await agent.arun(ASKED, on_event=events.append)).answer == "milk"
    assert notices(events) == [words]


async def test_a_name_that_is_taken_is_said():
    class Other:
        @hookimpl
        def agentfix_register_tools(self, register):
            register(say)

    events, holder = [], Holder()
    model = ScriptedModel([says("holder__say", first=True), says(answer="milk")])
    async with make(model, holder, Other()) as agent:
        await agent.arun(ASKED, on_event=events.append)
    assert notices(events) == ["The tool 'holder__say' of 'holder' is left out: there is another of that name."]
    assert holder.said == []


class Interrupted(BaseException):
    pass


async def cut_off(journal, holder):
    model = ScriptedModel([says("holder__say", first=True), Interrupted()])
    async with make(model, holder, journal=journal) as agent:
        with pytest.raises(Interrupted):
            await agent.arun(ASKED, run_id="one")
    return model.requests[1]


@pytest.mark.parametrize(("later", "status"), [(Holder(text="Say something else."), "ok"), (None, "unavailable")],
                         ids=["changed", "gone"])
async def test_a_run_is_taken_up_with_the_tools_that_it_had(later, status, tmp_path):
    asked = await cut_off(SqliteJournal(tmp_path / "journal.sqlite"), Holder())
    model = ScriptedModel([says("holder__say", text="eggs"), says(answer="milk")])
    async with make(model, *([later] if later else []), journal=SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        result = await agent.aresume("one")
    model.assert_done()
    assert model.requests[0].messages == asked.messages  # the first step is not asked for again
    first, second = result.attempts[0].steps[:2]
    assert first.observations[0].text == "heard milk" and second.observations[0].status == status


async def test_a_run_is_replayed_without_what_held_its_tools(tmp_path):
    file = tmp_path / "run.jsonl"
    model = ScriptedModel([says("holder__say", first=True), says(answer="milk")])
    async with make(model, Holder(), record=file) as agent:
        told = await agent.arun(ASKED)
    async with make(ScriptedModel([])) as agent:
        again = await agent.areplay(file)
    assert again.attempts == told.attempts
    async with make(ScriptedModel([]), model=f"replay:{file}") as agent:
        assert (await agent.arun(ASKED)).attempts == told.attempts


def test_who_has_no_event_loop_closes_it_too():
    holder = Holder()
    with make(ScriptedModel([says("holder__say", first=True), says(answer="milk")]), holder) as agent:
        assert agent.run(ASKED).answer == "milk"
    assert holder.closed == 1
