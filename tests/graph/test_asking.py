"""A tool that asks the critic's model: what it asks is journalled, counted, and never asked twice."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from agentfix import (
    Agent,
    Ask,
    Completion,
    Critique,
    Message,
    ModelError,
    Settings,
    TokenLogprob,
    ToolCall,
    ToolCalls,
    ToolContext,
    hookimpl,
    how_likely,
    tool,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import PlainKind, ScriptedModel, ScriptedSandbox, script_plugin

QUESTION = "Is the mill old?"


class PowerCut(BaseException):
    """Stands for the end of the process."""


class Kept(SqliteJournal):
    """Outlives the agents that use it."""

    def __init__(self) -> None:
        super().__init__(None)

    async def aclose(self) -> None:
        """Stays open."""


class Oracle:
    """A tool that asks the model some questions, and a critic that has it called."""

    name = "oracle"
    critics = ("oracle",)

    def __init__(self, *, asks: bool = True, questions: int = 2) -> None:
        @tool(name="oracle", deterministic=True, asks=asks)
        async def oracle(word: str, *, ask: Ask, context: ToolContext) -> str:
            """Ask."""
            said = [await ask([Message("user", f"{word} {n}?")], max_tokens=9) for n in range(questions)]
            return f"{context.model}: {[c.text for completions in said for c in completions]}"

        self.tool = oracle

    async def review(self, task, attempts, context):
        if not context.asked:
            return ToolCalls((ToolCall("oracle", {"word": "old"}),))
        return [Critique(a.id, self.name, "abstain", context.asked[0].observation.text) for a in attempts]

    @hookimpl
    def agentfix_register_tools(self, register):
        register(self.tool)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("oracle", lambda build: self)

    @hookimpl
    def agentfix_register_kinds(self, register):
        kind = PlainKind()
        kind.critics = ("oracle",)
        register("plain", lambda build: kind)


def make(script, journal, oracle=None, *, reuse=False, **chosen):
    settings = Settings(**{"model": "scripted:", "sandbox": "scripted", "kind": "plain", "max_rounds": 1, **chosen})
    model = script if isinstance(script, ScriptedModel) else ScriptedModel(script)
    extra = {"script": script_plugin(model, ScriptedSandbox([])), "oracle": oracle or Oracle()}
    return Agent(settings, Plugins(settings, extra), journal=journal, reuse=reuse)


async def run(script, journal=None, oracle=None, **chosen):
    model = ScriptedModel(script)
    async with make(model, journal or Kept(), oracle, **chosen) as agent:
        result = await agent.arun(QUESTION, run_id="r")
    model.assert_done()
    return result


def told(result):
    return next(c.feedback for c in result.critiques if c.critic == "oracle")


def plain(result):
    return replace(result, seconds=0.0)


async def test_what_a_tool_asks_is_counted_and_journalled_below_its_call():
    journal = Kept()
    result = await run(["yes", "Yes.", "No."], journal)
    assert told(result) == "scripted: ['Yes.', 'No.']"
    assert (result.usage.model_calls, result.usage.tool_calls) == (3, 1)
    calls = {c.place: c.request for c in await journal.calls("r")}
    (place,) = [place for place, request in calls.items() if "tool" in request]
    assert [calls[f"{place}.m{n}"]["messages"][0]["content"] for n in (0, 1)] == ["old 0?", "old 1?"]


async def test_no_question_of_a_tool_starts_past_a_limit():
    result = await run(["yes", "Yes."], max_model_calls=2)
    assert told(result) == "scripted: ['Yes.']"
    assert result.usage.model_calls == 2


async def test_a_tool_that_does_not_say_that_it_asks_has_nobody_to_ask():
    assert told(await run(["yes"], oracle=Oracle(asks=False))) == "scripted: []"


async def test_a_model_that_fails_is_not_the_tools_fault():
    result = await run(["yes", ModelError("The server is down.")])
    assert told(result) == "The server is down."


async def test_a_run_cut_off_while_a_tool_asks_goes_on_and_asks_nothing_again():
    script = ["yes", "Yes.", "No."]
    whole = await run(script)
    for cut in range(3):
        journal = Kept()
        with pytest.raises(PowerCut):
            await run([*script[:cut], PowerCut()], journal)
        after = ScriptedModel(script[cut:])
        async with make(after, journal) as agent:
            assert plain(await agent.aresume("r")) == plain(whole)
        after.assert_done()


async def test_a_replay_costs_as_much_as_the_run(tmp_path):
    file = tmp_path / "run.jsonl"
    journal = Kept()
    whole = await run(["yes", "Yes.", "No."], journal, record=file, max_model_calls=3)
    async with make([], journal) as agent:
        assert plain(await agent.aresume("r")) == plain(whole)
        assert plain(await agent.areplay("r")) == plain(whole)
        assert plain(await agent.areplay(file)) == plain(whole)


async def test_what_one_model_said_to_a_tool_is_not_taken_for_anothers_word():
    journal = Kept()
    await run(["yes", "Yes.", "No."], journal)
    other = ScriptedModel(["yes", "Never.", "Always."], name="other")
    async with make(other, journal, reuse=True) as agent:
        assert told(await agent.arun(QUESTION, run_id="s")) == "other: ['Never.', 'Always.']"


@pytest.mark.parametrize(("said", "likely"), [
    (Completion("Yes", logprobs=(TokenLogprob("Yes", -0.1, (("Yes", -0.1054), ("No", -2.3026), ("A", -5.0))),)),
     [0.9, 0.1]),
    (Completion("A", logprobs=(TokenLogprob("A", -0.1, (("A", -0.1), ("B", -2.3))),)), None),
    (Completion("Y", logprobs=(TokenLogprob("Y", nan, (("Yes", nan), ("no", inf), ("No", 1e9))),)), [0.0, 1.0]),
    (Completion(" yes"), [1.0, 0.0]),
    (Completion("No"), [0.0, 1.0]),
    (Completion("Perhaps"), None),
    (Completion(""), None),
])
async def test_how_likely_a_model_finds_short_answers(said, likely):
    async def ask(messages, *, max_tokens, top_logprobs):
        assert (max_tokens, top_logprobs) == (1, 20)
        return [said]

    found = await how_likely(ask, [Message("user", "?")], ("yes", "no"))
    assert found == (None if likely is None else pytest.approx(likely, abs=0.01))


async def test_nothing_is_likely_where_nobody_may_be_asked():
    async def ask(messages, **_):
        return []

    assert await how_likely(ask, [Message("user", "?")], ("yes", "no")) is None
