"""The parts that plugin authors test with."""

from __future__ import annotations

import asyncio

import pytest

from agentfix.errors import ModelReplyError, SandboxLostError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult, Model, Sandbox, Session
from agentfix.settings import Settings
from agentfix.testing import NeverEnds, ScriptedModel, ScriptedSandbox, script_plugin
from agentfix.types import Completion, Message, ModelRequest, Usage


def request(text: str, n: int = 1) -> ModelRequest:
    return ModelRequest((Message("user", text),), n=n)


async def test_steps_are_played_in_order_and_requests_kept():
    model = ScriptedModel(["one", Completion("two", "length"), lambda asked: asked.messages[-1].content.upper()])
    assert [c.text for c in await model.generate(request("a"))] == ["one"]
    assert [(c.text, c.finish_reason) for c in await model.generate(request("b", n=2))] == [
        ("two", "length"), ("B", "stop")]
    assert [r.n for r in model.requests] == [1, 2]
    model.assert_done()


async def test_an_error_is_raised_in_its_turn():
    model = ScriptedModel([ModelReplyError("garbled"), "fine"])
    with pytest.raises(ModelReplyError, match="garbled"):
        await model.generate(request("a"))
    assert (await model.generate(request("a")))[0].text == "fine"


async def test_asking_too_much_fails_at_once_and_stays_failed():
    model = ScriptedModel(["one"])
    with pytest.raises(AssertionError, match="completion 2, but its script has 1; last message: 'again'"):
        await model.generate(request("again", n=2))
    with pytest.raises(AssertionError, match="asked for 2"):
        model.assert_done()


async def test_asking_too_little_fails_at_the_end():
    model = ScriptedModel(["one", "two"])
    await model.generate(request("a"))
    with pytest.raises(AssertionError, match="asked for 1 completions, but its script has 2"):
        model.assert_done()


async def test_text_is_streamed_whole_and_in_order():
    pieces = []
    await ScriptedModel(["  a b\nc ", "d"]).generate(request("q", n=2), on_delta=pieces.append)
    assert "".join(piece.text for piece in pieces if piece.index == 0) == "  a b\nc "
    assert [piece.text for piece in pieces if piece.index == 1] == ["d"]
    assert len(pieces) > 2


async def test_tokens_are_words_and_the_prompt_is_counted_once():
    first, second = await ScriptedModel(["a b", "c"]).generate(request("one two three", n=2))
    assert (first.usage, second.usage) == (Usage(3, 0, 2), Usage(0, 0, 1))


async def test_programs_meet_their_outcomes():
    sandbox = ScriptedSandbox([ExecResult("ok", value="4"), SandboxLostError("gone"),
                               lambda code: ExecResult("error", error=code)])
    session = await sandbox.open()
    assert sandbox.is_open
    assert (await session.exec("2+2")).value == "4"
    with pytest.raises(SandboxLostError):
        await session.exec("kill")
    assert (await session.exec("boom")).error == "boom"
    sandbox.assert_done()
    with pytest.raises(AssertionError, match="program 4"):
        await session.exec("more")
    await session.aclose()
    assert not sandbox.is_open
    assert sandbox.programs == ["2+2", "kill", "boom", "more"]


def test_outcomes_that_are_left_over_fail():
    with pytest.raises(AssertionError, match="1 outcomes"):
        ScriptedSandbox([ExecResult("ok")]).assert_done()


def test_an_agent_finds_scripted_parts_by_name():
    settings = Settings()
    model, sandbox = ScriptedModel([]), ScriptedSandbox([])
    plugins = Plugins(settings, {"script": script_plugin(model, sandbox)}, installed=False)
    assert plugins.build("model", "scripted") is model
    assert plugins.build("sandbox", "scripted") is sandbox
    assert plugins.problems() == ()


async def test_a_program_that_never_ends_is_cancelled():
    heard = []
    session = await ScriptedSandbox([NeverEnds("so far")]).open()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.exec("while True: pass", on_output=lambda *said: heard.append(said)), 0.01)
    assert heard == [("stdout", "so far")]


async def test_the_protocols_are_met():
    assert isinstance(ScriptedModel([]), Model)
    assert isinstance(ScriptedSandbox([]), Sandbox)
    assert isinstance(await ScriptedSandbox([]).open(), Session)
