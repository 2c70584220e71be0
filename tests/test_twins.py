"""What waits and what is awaited: the same methods, for scripts, notebooks, threads and event loops."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

import pytest
from pydantic import BaseModel

from agentfix import Agent, EvidenceClass, InputError, Output, Remark, Settings, StructuredResult, UsageError
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "What do 3 and 4 add up to?"


class Bill(BaseModel):
    amounts: list[int]
    total: int


def adds_up(bill: Bill) -> None:
    assert sum(bill.amounts) == bill.total, f"the amounts add up to {sum(bill.amounts)}"


BILL = Output(Bill, adds_up)
RIGHT, WRONG = '{"amounts": [3, 4], "total": 7}', '{"amounts": [3, 4], "total": 8}'


def made(*steps, model=None, **chosen) -> Agent:
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    plugins = Plugins(settings, {"script": script_plugin(model or ScriptedModel(steps))})
    return Agent(settings, plugins, journal=SqliteJournal(None))


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "agentfix"]


def test_each_method_that_waits_does_what_its_twin_does():
    with made("7", "7", "8", "7", kind="text", strategy="none") as agent:
        kinds = [event.kind for event in agent.stream(QUESTION, run_id="one")]
        assert (kinds[0], kinds[-1]) == ("run_started", "result")
        first = agent.resume("one")
        assert first.answer == agent.replay("one").answer == agent.fork("one", 1).answer == "7"
        assert agent.remark("one", Remark("I counted.", "supports")).supported_by is EvidenceClass.PERSON
        assert agent.export("sft").rows
        assert agent.challenge("one", "No.", strategy="none").continues == "one"
        assert agent.verify(QUESTION, "7").answer == "7"
    assert ours() == []


async def test_an_object_comes_from_every_way_to_run():
    async with made(WRONG, RIGHT, RIGHT) as agent:
        events = [event async for event in agent.astream(QUESTION, output=BILL, run_id="one")]
        results = [
            events[-1].data["result"],
            await agent.aresume("one", output=BILL),
            await agent.areplay("one", output=BILL),
            await agent.afork("one", 2, output=BILL),
            await agent.averify(QUESTION, RIGHT, output=BILL),
            await agent.achallenge("one", "Are you sure?", output=BILL),
        ]
    for result in results:
        assert isinstance(result, StructuredResult)
        assert result.output == Bill(amounts=[3, 4], total=7)
        assert result.supported_by is EvidenceClass.CONTRACT


async def test_a_given_answer_that_the_function_refuses_is_refuted_by_it():
    async with made() as agent:
        result = await agent.averify(QUESTION, WRONG, output=BILL)
    assert (result.abstained, result.output) == (True, Bill(amounts=[3, 4], total=8))
    assert "the amounts add up to 7" in result.standings[0].reason


async def test_a_replay_says_which_function_it_misses_and_refuses_another():
    async with made(RIGHT) as agent:
        await agent.arun(QUESTION, output=BILL, run_id="one")
        with pytest.raises(InputError, match="checked by 'adds_up', which is not here"):
            await agent.areplay("one")
        with pytest.raises(InputError, match="begun with another output"):
            await agent.areplay("one", output=Bill)


def test_a_stream_that_is_left_early_ends_its_run():
    with made("7", "8", kind="text", strategy="none") as agent:
        for event in agent.stream(QUESTION, run_id="one"):
            assert event.kind == "run_started"
            break
        assert agent.run(QUESTION, run_id="one").answer in ("7", "8")
    assert ours() == []


def test_eight_threads_share_one_agent():
    begun = threading.Barrier(8)

    def say(request):
        return request.messages[-1].content.split()[-1]

    with made(*[say] * 8, kind="text", strategy="none") as agent:

        def ask(number):
            begun.wait(10)
            return agent.run(f"Repeat this number: {number}").answer

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(ask, range(8)))
        assert (answers, ours()) == ([str(number) for number in range(8)], ["agentfix"])
    assert ours() == []


def test_two_event_loops_share_one_agent_at_once():
    """Each answer is given only when both loops are in a model call."""
    inside = threading.Barrier(2)

    class Meeting(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            await asyncio.to_thread(inside.wait, 10)
            return await super().generate(request, on_delta=on_delta)

    program = "```python\nanswer = 6 * 7\n```"
    agent = made(model=Meeting([program, program]), strategy="none")

    def ask(_):
        return asyncio.run(agent.arun("How many are 6 times 7?")).answer

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(ask, range(2))) == ["42", "42"]
    agent.close()


async def test_a_notebook_waits_within_its_running_loop():
    """As in Jupyter: plain code, called by a loop that goes on meanwhile."""
    with made("7", "7", kind="text", strategy="none") as agent:
        assert agent.run(QUESTION).answer == "7"
        assert [event.kind for event in agent.stream(QUESTION)][-1] == "result"


def test_what_the_agent_itself_runs_can_not_wait_for_it():
    said = []
    with made("7", kind="text", strategy="none") as agent:

        def nosy(event):
            if event.kind == "attempt":
                with pytest.raises(UsageError, match="Await the method"):
                    agent.run(QUESTION)
                said.append(event.kind)

        agent.run(QUESTION, on_event=nosy)
    assert said == ["attempt"]


def test_a_closed_agent_says_so_and_leaves_no_thread():
    agent = made("7", kind="text", strategy="none")
    assert agent.run(QUESTION).answer == "7"
    agent.close()
    agent.close()
    for use in (lambda: agent.run(QUESTION), lambda: list(agent.stream(QUESTION)), lambda: agent.resume("one")):
        with pytest.raises(UsageError, match="This agent is closed"):
            use()
    with pytest.raises(UsageError, match="This agent is closed"):
        asyncio.run(agent.arun(QUESTION))
    assert ours() == []


def test_who_waits_when_the_agent_is_closed_is_told():
    asked = threading.Event()

    class Slow(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            asked.set()
            await asyncio.Event().wait()

    agent = made(model=Slow([]), kind="text", strategy="none")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(agent.run, QUESTION)
        assert asked.wait(10)
        agent.close()
        with pytest.raises(UsageError, match="closed before"):
            waiting.result(10)
    assert ours() == []


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_ends_a_program_reaches_who_waits_and_the_agent_goes_on(error):
    def ends(_: object) -> bool:
        raise error

    with made("7", RIGHT, "7", strategy="none", kind="text") as agent:
        with pytest.raises(error):
            agent.run(QUESTION, on_event=ends)
        assert agent.run(QUESTION).answer == "7"
    if error is KeyboardInterrupt:
        with made(RIGHT, RIGHT) as agent, pytest.raises(error):
            agent.run(QUESTION, output=Output(Bill, ends))
    assert ours() == []


def test_a_callback_that_cancels_nothing_is_told():
    async def awaited(_: object) -> None: ...

    def cancels(_: object) -> None:
        raise asyncio.CancelledError

    with made("7", kind="text", strategy="none") as agent:
        for wrong, said in ((awaited, "nothing awaits it"), (lambda event: awaited(event), "nothing awaits it"),
                            (cancels, "on_event raised CancelledError")):
            with pytest.raises(UsageError, match=said):
                agent.run(QUESTION, on_event=wrong)


def test_a_stream_of_an_agent_that_is_closed_meanwhile_ends_without_a_noise(caplog):
    for told in (nullcontext(), pytest.raises(UsageError, match="This agent is closed")):
        agent = made("7", kind="text", strategy="none")
        events = agent.stream(QUESTION)
        next(events)
        agent.close()
        with told as error:
            events.close() if error is None else next(events)
    assert not [record for record in caplog.records if record.name == "asyncio"]
    assert ours() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_told_to_make_its_own_agent():
    with made("7", kind="text", strategy="none") as agent:
        agent.run(QUESTION)
        if (child := os.fork()) == 0:
            told = 0
            try:
                for use in (lambda: agent.run(QUESTION), lambda: asyncio.run(agent.arun(QUESTION)), agent.close):
                    with suppress(UsageError):
                        use()
                        continue
                    told += 1
            finally:
                os._exit(told)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
