"""Kinds that look things up before their actor is asked."""

from __future__ import annotations

import pytest

from agentfix import Agent, Draft, Expand, Message, Prompt, Settings, Stop, Task, ToolCall, hookimpl, tool
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, ScriptedSandbox, script_plugin


class Reads:
    """A kind whose role `open` looks up two things, one after the other."""

    name = "reads"
    critics = ()
    roles = ("closed", "open")

    def matches(self, task):
        return False

    def prompt(self, task, role, parent, guidance):
        return Prompt((Message("user", task.question),))

    def look_up(self, task, role, known):
        if role != "open" or len(known) == 2:
            return ()
        return (ToolCall("lookup", {"word": known[-1].observation.text if known else task.question}),)

    def open_prompt(self, task, role, known):
        if task.question == "nothing":
            return None
        return Prompt((Message("user", f"{task.question}: {', '.join(k.observation.text for k in known)}"),))

    def read(self, task, role, text):
        return Draft(text or None)

    def settle(self, task, draft, observation):
        return draft.answer

    def same(self, a, b):
        return a == b


class Moves:
    """A strategy that makes the moves of a script."""

    name = "moves"

    def __init__(self, moves):
        self.moves = moves

    def decide(self, tree, budget, memory, seed):
        made = sum(1 for _ in tree.attempts)
        return self.moves.get(made, [Stop("done")])


class Plugin:
    def __init__(self, moves):
        self.words: list[str] = []
        self.moves = moves

    @hookimpl
    def agentfix_register_kinds(self, register):
        register("reads", lambda build: Reads())

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("moves", lambda build: Moves(self.moves))

    @hookimpl
    def agentfix_register_tools(self, register):
        @tool(deterministic=True)
        def lookup(word: str) -> str:
            """Look a word up."""
            self.words.append(word)
            return f"<{word}>"

        register(lookup)


@pytest.fixture
def ask(tmp_path):
    async def run(model: ScriptedModel, moves, question: str = "q", **limits):
        plugin = Plugin(moves)
        settings = Settings(model="scripted:", strategy="moves", sandbox="scripted", journal="memory",
                            data_dir=tmp_path, **limits)
        plugins = Plugins(settings, extra={"script": script_plugin(model, ScriptedSandbox([])), "own": plugin})
        async with Agent(settings, plugins) as agent:
            result = await agent.arun(Task(question, "reads"))
        model.assert_done()
        return result, plugin.words

    return run


def said(model: ScriptedModel) -> list[str]:
    return [request.messages[-1].content for request in model.requests]


async def test_what_was_looked_up_is_in_the_prompt_of_all_samples(ask):
    model = ScriptedModel(["a", "b", "c"])
    result, words = await ask(model, {0: [Expand(n=3, role="open", temperature=0.7)]})
    assert said(model) == ["q: <q>, <<q>>"]
    assert words == ["q", "<q>"]
    assert [a.answer for a in result.attempts] == ["a", "b", "c"]


async def test_the_same_is_not_looked_up_again_by_the_next_attempt(ask):
    model = ScriptedModel(["a", "b"])
    result, words = await ask(model, {0: [Expand(role="open")], 1: [Expand(role="open", temperature=0.7)]})
    assert said(model) == ["q: <q>, <<q>>"] * 2
    assert words == ["q", "<q>"]
    assert result.usage.tool_calls == 2


async def test_a_role_that_looks_nothing_up_is_asked_at_once(ask):
    model = ScriptedModel(["a"])
    assert (await ask(model, {0: [Expand()]}))[1] == []
    assert said(model) == ["q"]


async def test_without_calls_left_the_actor_is_told_so(ask):
    model = ScriptedModel(["a"])
    result, words = await ask(model, {0: [Expand(role="open")]}, max_tool_calls=1)
    assert words == ["q"]
    assert said(model) == ["q: <q>, Not run: the budget has no tool_calls left."]
    assert result.answer == "a"


async def test_where_nothing_was_found_the_model_is_not_asked(ask):
    result, _ = await ask(ScriptedModel([]), {0: [Expand(n=2, role="open", temperature=0.7)]}, "nothing")
    assert [a.answer for a in result.attempts] == [None, None]
    assert result.abstained
