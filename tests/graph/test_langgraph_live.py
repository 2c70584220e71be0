"""The machine in applications that stream it, cancel it, and run it several times at once."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from agentfix import Event, UsageError
from agentfix.journal import SqliteJournal
from agentfix.testing import ScriptedModel
from tests.graph.test_langgraph import QUESTION, SCRIPT, THREAD, make


class Outer(TypedDict, total=False):
    question: str
    answer: str


class Staying(ScriptedModel):
    """Stays in its call of that number, the first time."""

    def __init__(self, steps, at: int) -> None:
        super().__init__(steps)
        self._at = at
        self.there = asyncio.Event()

    async def generate(self, request, *, on_delta=None):
        if len(self.requests) == self._at and not self.there.is_set():
            self.there.set()
            await asyncio.sleep(3600)
        return await super().generate(request, on_delta=on_delta)


def within(agent, **compiled):
    outer = StateGraph(Outer)
    outer.add_node("solve", agent.graph.compile())
    outer.add_edge(START, "solve")
    outer.add_edge("solve", END)
    return outer.compile(**compiled)


async def test_updates_name_the_nodes_and_hold_plain_json():
    async with make(ScriptedModel(SCRIPT)) as agent:
        updates = [u async for u in agent.graph.compile().astream(QUESTION, stream_mode="updates")]
    nodes = [name for update in updates for name in update]
    assert (nodes[0], nodes[-1]) == ("begin", "finish") and {"strategy", "actor", "critic", "tools"} <= {*nodes}
    json.dumps(updates)


async def test_events_come_through_the_graph_around_it():
    async with make(ScriptedModel(SCRIPT)) as agent:
        heard = [(mode, data) async for _, mode, data in within(agent, checkpointer=InMemorySaver()).astream(
            QUESTION, THREAD, stream_mode=["custom", "updates", "messages"], subgraphs=True)]
    events = [data for mode, data in heard if mode == "custom"]
    assert all(isinstance(event, Event) for event in events) and events[-1].kind == "result"
    assert {mode for mode, _ in heard} == {"custom", "updates"}  # its models are none of LangChain's: no messages


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_thread_that_was_cancelled_in_a_model_call_goes_on(at):
    model = Staying(SCRIPT, at)
    async with make(model) as agent:
        graph = within(agent, checkpointer=InMemorySaver())
        tasks = asyncio.all_tasks()
        running = asyncio.create_task(graph.ainvoke(QUESTION, THREAD))
        await model.there.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == tasks
        assert (await graph.ainvoke(None, THREAD))["answer"] == "60"
    model.assert_done()


@pytest.mark.parametrize("turns", [*range(0, 40, 4), *range(40, 300, 20)])
async def test_what_was_cancelled_without_a_checkpointer_is_gone_on_with_by_the_agent(turns):
    model = ScriptedModel(SCRIPT)
    async with make(model) as agent:
        running = asyncio.create_task(agent.graph.compile().ainvoke({**QUESTION, "run_id": "mine"}))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (await agent.arun(QUESTION["question"], run_id="mine")).answer == "60"
    model.assert_done()


async def test_threads_go_on_at_once_over_one_saver():
    def say(request):
        asked = str(request.messages)
        crates = next(n for n in range(4, 9) if f"{n} crates" in asked)
        if "program" in str(request.messages).lower():
            return f"```python\nanswer = 15 * {crates}\n```"
        return f"15 * {crates} = {15 * crates}.\nThe answer is {15 * crates}."

    async with make(ScriptedModel([say] * 60)) as agent:
        graph = within(agent, checkpointer=InMemorySaver(), interrupt_after=["solve"])

        async def answered(crates):
            thread = {"configurable": {"thread_id": str(crates)}}
            question = f"A crate holds 15 jars. How many jars are in {crates} crates?"
            await graph.ainvoke({"question": question}, thread)
            return (await graph.ainvoke(None, thread))["answer"]

        assert await asyncio.gather(*map(answered, range(4, 9))) == [str(15 * n) for n in range(4, 9)]


def test_two_event_loops_run_it_at_once():
    agent = make(ScriptedModel(["```python\nanswer = 60\n```"] * 2), SqliteJournal(None))
    graph = agent.graph.compile()
    with ThreadPoolExecutor(2) as threads:
        answers = threads.map(lambda n: asyncio.run(graph.ainvoke(
            {"task": {"question": "Count.", "kind": "math", "checks": [{"source": "assert answer == 60"}]}})), range(2))
        assert [each["answer"] for each in answers] == ["60", "60"]
    agent.close()


async def test_the_graph_of_a_closed_agent_says_so():
    agent = make(ScriptedModel([]))
    graph = agent.graph.compile()
    await agent.aclose()
    with pytest.raises(UsageError, match="This agent is closed"):
        await graph.ainvoke(QUESTION)
