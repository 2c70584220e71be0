"""Chat completions with OpenAI's own Python client, unmodified, over real HTTP."""

from __future__ import annotations

import asyncio

import openai
import pytest

from agentfix.testing import ScriptedModel
from tests.server.served import DERIVED, MODEL, QUESTION, RIGHT, SOLVED, serving

ASKED = [{"role": "user", "content": QUESTION}]


def client(served, key: str = "none", **options):
    return openai.AsyncOpenAI(base_url=served.url, api_key=key, max_retries=0, **options)


async def test_a_checked_answer_comes_with_its_evidence_and_usage():
    model = ScriptedModel(SOLVED)
    async with serving(model) as served, client(served) as asking:
        raw = await asking.chat.completions.with_raw_response.create(model=MODEL, messages=ASKED)
        said = raw.parse()
        message = said.choices[0].message
        assert (message.content, message.role, said.choices[0].finish_reason) == ("60", "assistant", "stop")
        ledger = said.model_extra["agentfix"]
        assert (ledger["direct"], ledger["supported"], ledger["supported_by"]) == (False, True, "agreement")
        assert ledger["attempts"][0]["standing"]["state"] == "refuted"
        assert any(e["class"] == "measurement" for c in ledger["attempts"][0]["critiques"] for e in c["evidence"])
        assert "NameError" in message.reasoning_content and "Supported by agreement" in message.reasoning_content
        assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens > 0
        assert raw.headers["x-agentfix-run"] == ledger["run_id"] and raw.headers["x-request-id"].startswith("req_")
        # it is a run of the journal like any other
        assert await (await served.agent.open_journal()).header(ledger["run_id"]) is not None
    model.assert_done()


async def test_rounds_are_streamed_as_reasoning_and_the_answer_once_it_is_decided():
    async with serving(ScriptedModel(SOLVED)) as served, client(served) as asking:
        chunks = [chunk async for chunk in await asking.chat.completions.create(
            model=f"critic/{MODEL}", messages=ASKED, stream=True, stream_options={"include_usage": True})]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thought = [getattr(delta, "reasoning_content", None) for delta in deltas]
    said = [delta.content for delta in deltas]
    assert deltas[0].role == "assistant" and all(delta.role is None for delta in deltas[1:])
    assert "".join(filter(None, said)) == "60"
    # all rounds come before the answer, the first of them while it is written
    last_thought = max(number for number, text in enumerate(thought) if text)
    assert last_thought < next(number for number, text in enumerate(said) if text)
    told = "".join(filter(None, thought))
    assert told.startswith("attempt 0:") and "NameError" in told and len(list(filter(None, thought))) > 5
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-2].agentfix["supported_by"] == "agreement"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0


async def test_the_synchronous_client_works_too_streamed_and_not():
    async with serving(ScriptedModel([*SOLVED, *SOLVED])) as served:
        def ask() -> tuple[str, str]:
            with openai.OpenAI(base_url=served.url, api_key="none", max_retries=0) as asking:
                whole = asking.chat.completions.create(model=MODEL, messages=ASKED)
                stream = asking.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
                return whole.choices[0].message.content, "".join(c.choices[0].delta.content or "" for c in stream)

        assert await asyncio.to_thread(ask) == ("60", "60")


async def test_a_request_tunes_its_own_run_and_no_other():
    model = ScriptedModel([RIGHT, DERIVED, RIGHT])
    async with serving(model) as served, client(served) as asking:
        one, other = [(await asking.chat.completions.create(model=name, messages=ASKED, extra_body=body)).agentfix
                      for name, body in ((MODEL, {"agentfix": {"kind": "math", "require": "measurement"}}),
                                         (f"none/{MODEL}", {"agentfix": {"max_rounds": 1}}))]
        assert (one["supported_by"], one["supported"]) == ("agreement", False)
        assert len(other["attempts"]) == 1 and other["supported_by"] is None
        journal = await served.agent.open_journal()
        told = [(await journal.header(ledger["run_id"]))["settings"] for ledger in (one, other)]
        assert [(s["strategy"], s["require"], s["max_rounds"]) for s in told] == [
            ("critic", "measurement", 8), ("none", "agreement", 1)]
    model.assert_done()


async def test_the_callers_checks_decide():
    wrong, right = (f"```python\ndef double(x):\n    return x {sign} x\n```" for sign in "*+")
    async with serving(ScriptedModel([wrong, right])) as served, client(served) as asking:
        said = await asking.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Write a function double(x)."}],
            extra_body={"agentfix": {"kind": "code", "checks": "assert double(4) == 8\nassert double(-1) == -2"}})
    assert said.agentfix["supported_by"] == "contract" and "return x + x" in said.choices[0].message.content


async def test_earlier_turns_system_messages_and_pictures_reach_the_model():
    model = ScriptedModel(["Hello."])
    picture = "data:image/png;base64,iVBORw0KGgo="
    async with serving(model) as served, client(served) as asking:
        text = {"agentfix": {"kind": "text"}}
        await asking.chat.completions.create(model=f"none/{MODEL}", extra_body=text, messages=[
            {"role": "system", "content": "Speak like a pirate."},
            {"role": "user", "content": "My name is Zed."},
            {"role": "assistant", "content": "Ahoy Zed."},
            {"role": "user", "content": [{"type": "text", "text": "What is on this picture?"},
                                         {"type": "image_url", "image_url": {"url": picture}}]}])
    asked = model.requests[0].messages[-1]
    assert [image.url for image in asked.images] == [picture]
    assert all(text in asked.content for text in ("pirate", "My name is Zed.", "Ahoy Zed.", "What is on this picture?"))


async def test_what_has_no_answer_is_a_refusal_not_a_guess():
    async with serving(ScriptedModel(["I do not know."] * 9)) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=f"none/{MODEL}", messages=ASKED,
                                                    extra_body={"agentfix": {"kind": "math"}})
    message = said.choices[0].message
    assert message.content is None and "No answer" in message.refusal


async def test_fields_that_have_no_effect_are_named():
    async with serving(ScriptedModel([RIGHT])) as served, client(served) as asking:
        said = await asking.chat.completions.create(model=f"none/{MODEL}", messages=ASKED, temperature=0.3, user="me")
    assert said.agentfix["ignored"] == ["temperature", "user"]


async def test_models_are_listed_with_strategies_before_them():
    async with serving(ScriptedModel([])) as served, client(served) as asking:
        names = [model.id async for model in asking.models.list()]
        assert names[0] == MODEL and {f"critic/{MODEL}", f"mcts/{MODEL}"} <= {*names}
        assert (await asking.models.retrieve(f"critic/{MODEL}")).owned_by == "agentfix"
        for name in ("gpt-4o", f"nothing/{MODEL}", "/etc/passwd", f"critic/{MODEL}x"):
            with pytest.raises(openai.NotFoundError) as error:
                await asking.chat.completions.create(model=name, messages=ASKED)
            assert (error.value.code, error.value.param) == ("model_not_found", "model")
