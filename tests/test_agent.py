"""The agent with its real strategies, critics, kinds and the embedded sandbox; only the model is scripted."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from agentfix import (
    Agent,
    Check,
    Completion,
    ConfigError,
    EvidenceClass,
    Expand,
    InputError,
    ModelError,
    ModelUnavailableError,
    PluginError,
    Review,
    Settings,
    Task,
    ToolSpec,
    UsageError,
    hookimpl,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"
CRASH = "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```"
RIGHT = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
WRONG = "```python\nanswer = 15 + 4\n```"
DERIVED = "Each crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."
DOUBLE = Task("Write a function double(x).", "code", (Check("assert double(4) == 8"), Check("assert double(-1) == -2")))


def make(model: ScriptedModel, *, extra=None, journal=None, reuse=False, **chosen) -> Agent:
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    plugins = Plugins(settings, {"script": script_plugin(model), **(extra or {})})
    return Agent(settings, plugins, journal=journal or SqliteJournal(None), reuse=reuse)


async def ask(steps, task=QUESTION, *, seen=None, **chosen):
    model = ScriptedModel(steps)
    async with make(model, **chosen) as agent:
        result = await agent.arun(task, on_event=None if seen is None else seen.append)
    model.assert_done()
    return result, model


async def test_a_crash_is_refuted_mended_and_a_derivation_agrees():
    events = []
    result, model = await ask([CRASH, RIGHT, DERIVED], seen=events)
    _, mended, derived = result.attempts
    # the program crashes: a measurement refutes it, and the reviser reads the line and the error
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.MEASUREMENT)
    assert "NameError: name 'jars' is not defined" in result.standings[0].reason
    told = model.requests[1].messages[-1].content
    assert "line 3" in told and "return jars * crates" in told and "NameError" in told
    # the revision runs, which supports nothing yet; an independent derivation is made from the question alone
    assert (mended.parent, mended.answer) == (0, "60")
    assert (derived.parent, derived.role, derived.answer) == (None, "derivation", "60")
    assert not any("60" in message.content for message in model.requests[2].messages[-1:])
    # they agree, which is what the result says of itself
    assert (result.answer, result.supported_by, result.abstained, result.best) == (
        "60",
        EvidenceClass.AGREEMENT,
        False,
        1,
    )
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1], kinds.count("attempt"), kinds.count("result")) == ("run_started", "result", 3, 1)


@pytest.mark.parametrize(("check", "strategy", "said"), [
    ("import socket\nassert double(4) == 8", "critic", "The checks could not be run: Execution: unsupported"),
    ("assert double(4) == 8", "self-consistency", "your checks say nothing of it; 5 of 5")])
async def test_votes_do_not_stand_in_for_checks_that_were_not_run(check, strategy, said):
    class Same(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            return [Completion("```python\ndef double(x):\n    return 2 * x\n```")] * request.n

    events = []
    async with make(Same([]), strategy=strategy) as agent:
        result = await agent.arun(Task("Write double(x).", "code", (Check(check),)), on_event=events.append)
    assert (result.supported_by, result.abstained) == (EvidenceClass.AGREEMENT, True)
    assert said in result.reason
    assert any("your checks say nothing of it" in str(event.data) for event in events if event.kind == "notice")


async def test_code_is_told_the_values_until_the_callers_checks_pass():
    result, model = await ask(
        ["```python\ndef double(x):\n    return x * x\n```", "```python\ndef double(x):\n    return x + x\n```"], DOUBLE
    )
    told = model.requests[1].messages[-1].content
    assert "double(4) == 8" in told and "got 16" in told
    assert (result.supported_by, result.best) == (EvidenceClass.CONTRACT, 1)
    assert result.standings[0].kind is EvidenceClass.CONTRACT


@pytest.mark.parametrize(
    "cheat",
    [
        "import sys\nsys.exit(0)",
        "_checks_passed = True\nraise SystemExit(0)",
        "if False: \\",
        '_checks_passed = "' + "0" * 24 + '"',
        '"""',
    ],
)
async def test_passing_cannot_be_claimed(cheat):
    task = Task(
        "Write a function double(x).",
        "code",
        (Check("check = double(4)\nif check != 8: raise ValueError(str(check))"),),
    )
    result, _ = await ask([f"```python\ndef double(x):\n    return 0\n{cheat}\n```"], task, strategy="best-of-n:1")
    assert result.supported_by is None and result.abstained
    assert result.standings[0].state == "refuted" or "xit" in cheat  # which the embedded sandbox may lack


async def test_the_callers_checks_see_a_computed_answer():
    result, _ = await ask([WRONG, RIGHT], Task(QUESTION, "math", (Check("assert answer == 60"),)))
    assert (result.answer, result.supported_by) == ("60", EvidenceClass.CONTRACT)
    assert result.standings[0].state == "refuted"


async def test_the_callers_checks_see_an_answer_that_is_no_number():
    result, _ = await ask(
        ["{{1}}", '{"verdict": "revise"}'],
        Task("Say it.", "text", (Check("assert answer == '{{1}}'"),)),
        strategy="best-of-n:1",
    )
    assert result.supported_by is EvidenceClass.CONTRACT


# --- the other strategies --------------------------------------------------------------------------------------------


async def test_self_consistency_returns_the_majority():
    result, _ = await ask([WRONG, RIGHT, RIGHT], strategy="self-consistency:3")
    assert (result.answer, result.best, result.supported_by) == ("60", 1, EvidenceClass.AGREEMENT)


async def test_a_tie_keeps_the_first_attempt_and_abstains():
    result, _ = await ask([WRONG, RIGHT, RIGHT, WRONG], strategy="self-consistency:4")
    assert (result.answer, result.best, result.supported_by, result.abstained) == ("19", 0, None, True)


async def test_best_of_n_takes_what_the_checks_pass():
    result, _ = await ask(
        [WRONG, CRASH, RIGHT], Task(QUESTION, "math", (Check("assert answer == 60"),)), strategy="best-of-n:3"
    )
    assert (result.best, result.supported_by) == (2, EvidenceClass.CONTRACT)


async def test_self_refine_never_gets_beyond_an_opinion():
    result, _ = await ask(
        ["Rome", '{"feedback": "no", "verdict": "revise"}', "Oslo", '{"feedback": "yes", "verdict": "accept"}'],
        Task("Where?", "text"),
        strategy="self-refine",
    )
    assert (result.answer, result.supported_by, result.abstained) == ("Oslo", EvidenceClass.OPINION, True)


async def test_a_critique_that_cannot_be_read_is_abstain():
    result, _ = await ask(["Rome", "I accept! It is great."], Task("Where?", "text"), strategy="self-refine")
    assert (result.critiques[0].verdict, result.supported_by, result.abstained) == ("abstain", None, True)


@pytest.mark.parametrize("strategy", ["self-refine", "critic", "best-of-n:1"])
async def test_no_critic_is_asked_about_an_empty_answer(strategy):
    result, model = await ask(["  \n"], Task("Where?", "text"), strategy=strategy, max_rounds=1)
    assert (result.answer, result.abstained, len(model.requests)) == (None, True, 1)
    assert {critique.critic for critique in result.critiques} == {"engine"}


# --- what goes wrong -------------------------------------------------------------------------------------------------


async def test_a_model_that_fails_midway_leaves_what_was_attempted():
    result, _ = await ask([WRONG, ModelUnavailableError("It is gone.")])
    assert (result.answer, result.abstained, result.stop_reason) == ("19", True, "failed: It is gone.")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (ModelUnavailableError("It is gone."), "It is gone"),
        (ZeroDivisionError("oops"), "Plugin 'scripted': the model failed"),
    ],
)
async def test_a_model_that_fails_at_the_start_is_an_error(fault, error):
    with pytest.raises((ModelError, PluginError), match=error):
        await ask([fault])


async def test_an_empty_question_is_an_error():
    with pytest.raises(InputError):
        await ask([], " \n")


class Tool:
    """Stands in for `python`."""

    spec = ToolSpec("python", "", {"type": "object"})

    def __init__(self, does) -> None:
        self.run = does


class Critic:
    name = "broken"

    async def review(self, task, attempts, context):
        raise LookupError("no such thing")


class Strategy:
    name = "broken"

    def decide(self, tree, budget, memory, seed):
        if tree.attempts:
            raise LookupError("no such thing")
        return [Expand()]


class Reviewing(Strategy):
    def decide(self, tree, budget, memory, seed):
        return [Review((0,), ("broken",))] if tree.attempts else [Expand()]


class Broken:
    def __init__(self, *, strategy=Strategy, tool=None) -> None:
        self.strategy, self.tool = strategy, tool

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("broken", lambda build: self.strategy())

    @hookimpl
    def agentfix_register_critics(self, register):
        register("broken", lambda build: Critic())

    @hookimpl
    def agentfix_register_tools(self, register):
        if self.tool:
            register("python", lambda build: Tool(self.tool))


@pytest.mark.parametrize(("strategy", "part"), [(Strategy, "strategy"), (Reviewing, "critic")])
async def test_a_faulty_part_is_named_and_the_attempt_is_kept(strategy, part):
    seen = []
    result, _ = await ask([WRONG], strategy="broken", extra={"b": Broken(strategy=strategy)}, seen=seen)
    assert result.answer == "19"
    assert (f"Plugin 'broken': the {part} failed: LookupError('no such thing') at test_agent.py line "
            in result.stop_reason)
    assert any("'broken'" in event.data["message"] for event in seen if event.kind == "notice")


async def _raises(arguments, context):
    raise ValueError("surprise")


async def _unserialisable(arguments, context):
    from agentfix import Observation

    return Observation("python", "ok", "fine", {"value": object()})


async def _nothing(arguments, context):
    return None


@pytest.mark.parametrize("does", [_raises, _unserialisable, _nothing])
async def test_a_faulty_tool_is_named_and_the_run_goes_on(does):
    seen = []
    result, _ = await ask(
        [WRONG], strategy="none", disabled_plugins=("python",), extra={"b": Broken(tool=does)}, seen=seen
    )
    assert (result.stop_reason, result.answer) == ("one attempt was asked for", None)
    assert any("Tool 'python' is faulty" in event.data["message"] for event in seen if event.kind == "notice")


@pytest.mark.parametrize("approve", [True, lambda pending: True, lambda pending, *, reason: True])
def test_who_can_not_be_asked_is_told_at_once_and_how_it_is_meant(approve):
    settings = Settings(model="scripted:")
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel([]))})
    with pytest.raises(ConfigError, match=r"on_approval .*def approve\(call: PendingToolCall, reason: str\) -> bool"):
        Agent(settings, plugins, on_approval=approve)


async def test_an_observer_that_fails_is_named_once_and_sees_no_more():
    class Observer:
        @hookimpl
        def agentfix_on_event(self, event):
            raise KeyError("watching")

    seen = []
    result, _ = await ask([WRONG], strategy="none", extra={"watcher": Observer()}, seen=seen)
    assert result.answer == "19"
    assert ["'watcher'" in event.data["message"] for event in seen if event.kind == "notice"] == [True]


# --- ways to run -----------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_the_result():
    async with make(ScriptedModel([WRONG]), strategy="none") as agent:
        kinds = [event.kind async for event in agent.astream(QUESTION)]
    assert (kinds[0], kinds[-1]) == ("run_started", "result")


async def test_closing_an_agent_ends_its_runs_and_says_so(tmp_path):
    asked, closed = asyncio.Event(), asyncio.Event()

    class Waiting(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            asked.set()
            await closed.wait()
            return await super().generate(request, on_delta=on_delta)

    agent = make(Waiting([RIGHT, DERIVED]), data_dir=tmp_path)
    under_way = asyncio.create_task(agent.arun(QUESTION))
    await asked.wait()
    await agent.aclose()
    closed.set()
    with pytest.raises(UsageError, match="The agent was closed before run"):
        await under_way
    await agent.aclose()


async def test_closing_a_stream_cancels_the_run():
    ended = asyncio.Event()

    class Endless(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    async with make(Endless([])) as agent:
        stream = agent.astream(QUESTION)
        async for event in stream:
            if event.kind == "move":
                await asyncio.sleep(0)
                break
        for _ in range(20):
            await asyncio.sleep(0)
        await stream.aclose()
    assert ended.is_set()


async def test_run_works_inside_a_running_loop():
    with make(ScriptedModel([WRONG]), strategy="none") as agent:
        assert agent.run(QUESTION).answer == "19"


async def test_the_same_run_again_asks_the_model_nothing():
    model, journal = ScriptedModel([CRASH, RIGHT, DERIVED]), SqliteJournal(None)
    agent = make(model, journal=journal)
    first = await agent.arun(QUESTION, run_id="r")
    again = await agent.arun(QUESTION, run_id="r")
    model.assert_done()
    assert (again.answer, again.attempts, again.usage) == (first.answer, first.attempts, first.usage)
    await agent.aclose()


async def test_reuse_shares_first_attempts_between_strategies():
    model = ScriptedModel([RIGHT, DERIVED])
    async with make(model, reuse=True) as agent:
        first = await agent.arun(QUESTION, strategy="none")
        second = await agent.arun(QUESTION, strategy="critic")
    model.assert_done()
    assert second.attempts[0] == first.attempts[0]
    assert second.supported_by is EvidenceClass.AGREEMENT


FORGETFUL = """
import asyncio, sys
from agentfix import Agent, Settings
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

settings = Settings(model="scripted:x", sandbox="embedded", data_dir=sys.argv[1])
replies = [sys.argv[2], "4 crates of 15 jars are 60 jars.\\nThe answer is 60."]

def agent():
    return Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel(replies * 9))}))

def forgotten():
    kept = agent()
    print(kept.run("A crate holds 15 jars. How many jars are in 4 crates?").answer)

async def mixed():
    async with agent() as kept:
        print(kept.run("A crate holds 15 jars. How many jars are in 4 crates?").answer)

forgotten() if sys.argv[3] == "forgotten" else asyncio.run(mixed())
"""


@pytest.mark.parametrize("way", ["forgotten", "mixed"])
def test_an_agent_that_nobody_closed_keeps_no_program_from_ending(tmp_path, way):
    done = subprocess.run([sys.executable, "-c", FORGETFUL, str(tmp_path), RIGHT, way], capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "60\n"), done.stderr


async def test_the_settings_of_one_run_may_differ_and_a_wrong_one_is_said_at_once():
    model = ScriptedModel([RIGHT, RIGHT, DERIVED])
    async with make(model) as agent:
        one = await agent.arun(QUESTION, strategy="none", max_rounds=1, require="opinion")
        events = [event async for event in agent.astream(QUESTION, require="measurement")]
        other = events[-1].data["result"]
        assert (len(one.attempts), len(other.attempts), other.abstained) == (1, 2, True)
        assert (agent.settings.max_rounds, agent.settings.require) == (8, "agreement")
        for wrong, said in (({"max_round": 1}, "named 'max_round'. Did you mean 'max_rounds'"),
                            ({"max_rounds": -1}, "'max_rounds' is wrong"),
                            ({"model": "nobody:x"}, "no model named 'nobody'")):
            with pytest.raises(UsageError, match=said):
                await agent.arun(QUESTION, **wrong)
        assert agent.model("scripted:") is model
    model.assert_done()
