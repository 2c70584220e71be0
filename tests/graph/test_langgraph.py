"""The machine in other people's LangGraph applications: their checkpointer, their interrupts, their graph."""

from __future__ import annotations

from typing import TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from agentfix import Agent, Event, JournalError, ModelError, Settings
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = {"question": "A crate holds 15 jars. How many jars are in 4 crates?"}
CRASH = "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```"
RIGHT = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
DERIVED = "Each crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."
SCRIPT = [CRASH, RIGHT, DERIVED]
THREAD = {"configurable": {"thread_id": "t"}}


def make(model, journal=None):
    settings = Settings(model="scripted:", sandbox="embedded")
    return Agent(settings, Plugins(settings, {"script": script_plugin(model)}), journal=journal or SqliteJournal(None))


def settled(result):
    """A result without what differs from run to run."""
    return {key: value for key, value in result.items() if key not in ("run_id", "seconds")}


@pytest.fixture
async def whole():
    async with make(ScriptedModel(SCRIPT)) as agent:
        outcome = await agent.graph.compile().ainvoke(QUESTION)
    assert outcome["answer"] == "60" and outcome["result"]["abstained"] is False
    return settled(outcome["result"])


@pytest.fixture(params=["memory", "sqlite"])
async def saver(request, tmp_path):
    if request.param == "memory":
        yield InMemorySaver()
    else:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "checkpoints.sqlite")) as made:
            yield made


async def test_every_step_can_be_interrupted_and_gone_on_from(whole, saver):
    model = ScriptedModel(SCRIPT)
    async with make(model) as agent:
        graph = agent.graph.compile(checkpointer=saver, interrupt_before="*")
        stops, given = 0, QUESTION
        while True:
            await graph.ainvoke(given, THREAD)
            state = await graph.aget_state(THREAD)
            if not state.next:
                break
            stops, given = stops + 1, None
    assert stops > 8 and settled(state.values["result"]) == whole
    model.assert_done()


async def test_another_process_goes_on_from_any_step(whole, saver, tmp_path):
    """Each step by an agent of its own: all it has is the journal's file and the checkpoint."""
    script, asked, given = list(SCRIPT), 0, QUESTION
    while True:
        model = ScriptedModel(script[asked:])
        async with make(model, SqliteJournal(tmp_path / "journal.sqlite")) as agent:
            graph = agent.graph.compile(checkpointer=saver, interrupt_after="*")
            await graph.ainvoke(given, THREAD)
            state = await graph.aget_state(THREAD)
        asked, given = asked + len(model.requests), None
        if not state.next:
            break
    assert asked == 3 and settled(state.values["result"]) == whole


async def test_checkpoints_hold_names_and_numbers_but_no_texts(saver):
    async with make(ScriptedModel(SCRIPT)) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        await graph.ainvoke(QUESTION, THREAD)
        history = [s async for s in graph.aget_state_history(THREAD)]
    assert len(history) > 8
    assert not any("Each crate holds" in str(s.values) for s in history if not s.values.get("result"))


async def test_one_thread_answers_one_question_after_another(saver):
    async with make(ScriptedModel([*SCRIPT, *SCRIPT])) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        one = await graph.ainvoke(QUESTION, THREAD)
        two = await graph.ainvoke({"question": "A box holds 15 jars. How many jars are in 4 boxes?"}, THREAD)
    assert one["run"] != two["run"] and one["answer"] == two["answer"] == "60"


class Outer(TypedDict, total=False):
    question: str
    approved: bool
    answer: str


async def test_it_is_a_node_of_a_larger_graph_that_waits_for_a_person():
    async with make(ScriptedModel(SCRIPT)) as agent:
        outer = StateGraph(Outer)
        outer.add_node("solve", agent.graph.compile())
        outer.add_node("approve", lambda state: {"approved": interrupt(f"Is {state['answer']} right?") == "yes"})
        outer.add_edge(START, "solve")
        outer.add_edge("solve", "approve")
        outer.add_edge("approve", END)
        graph = outer.compile(checkpointer=InMemorySaver())
        asked = await graph.ainvoke(QUESTION, THREAD)
        assert asked["__interrupt__"][0].value == "Is 60 right?"
        assert (await graph.ainvoke(Command(resume="yes"), THREAD))["approved"] is True


async def test_events_are_streamed_as_langgraph_streams_its_own():
    async with make(ScriptedModel(SCRIPT)) as agent:
        events = [e async for e in agent.graph.compile().astream(QUESTION, stream_mode="custom")]
    assert all(isinstance(e, Event) for e in events)
    assert [e.kind for e in events].count("attempt") == 3 and events[-1].kind == "result"


async def test_the_name_of_the_run_can_be_chosen_and_is_resumed_by_the_agent():
    journal = SqliteJournal(None)
    agent = make(ScriptedModel(SCRIPT), journal)
    await agent.graph.compile().ainvoke({**QUESTION, "run_id": "mine"})
    assert (await agent.aresume("mine")).answer == "60"
    await agent.aclose()


async def test_any_checkpoint_of_the_past_leads_to_the_same_end(whole, saver, tmp_path):
    async with make(ScriptedModel(SCRIPT), SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        await graph.ainvoke(QUESTION, THREAD)
        past = [state async for state in graph.aget_state_history(THREAD) if state.values.get("run") and state.next]
    assert len(past) > 8
    async with make(ScriptedModel([]), SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        for state in past:
            assert settled((await graph.ainvoke(None, state.config))["result"]) == whole


async def test_a_past_that_was_changed_is_not_mixed_with_the_one_that_was(saver, tmp_path):
    async with make(ScriptedModel(SCRIPT), SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        await graph.ainvoke(QUESTION, THREAD)
        past = [state async for state in graph.aget_state_history(THREAD)]
    fork = next(state for state in past if state.next == ("actor",) and state.values["attempts"] == 1)
    other = [RIGHT.replace("15, 4", "4, 15"), DERIVED]
    async with make(ScriptedModel(other), SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        moves = [{**fork.values["moves"][0], "guidance": "Do it in another way."}]
        changed = await graph.ainvoke(None, await graph.aupdate_state(fork.config, {"moves": moves}))
        assert [a["text"] for a in changed["result"]["attempts"]] == [CRASH, *other]
        old = next(state for state in past if state.next == ("strategy",) and state.values["attempts"] == 2)
        with pytest.raises(JournalError, match="went on in another way"):
            await graph.ainvoke(None, old.config)


async def test_a_run_that_fails_before_its_first_attempt_holds_nothing_and_can_be_tried_again(saver):
    async with make(ScriptedModel([ModelError("down"), *SCRIPT])) as agent:
        graph = agent.graph.compile(checkpointer=saver)
        with pytest.raises(ModelError):
            await graph.ainvoke(QUESTION, THREAD)
        assert (await graph.ainvoke(None, THREAD))["answer"] == "60"
