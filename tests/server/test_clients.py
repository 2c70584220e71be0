"""Other people's clients, unmodified, over real HTTP: LangChain's, Pydantic AI's, and OpenAI's for Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
from pydantic import BaseModel

from agentfix import Completion, ToolCall
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, QUESTION, SOLVED, serving

CALL = Completion("", "tool_calls", tool_calls=(ToolCall("weather", {"place": "Bonn"}, "call_1"),))
STRUCTURED = ('{"place": 7}', '{"place": "Bonn"}', '{"reasoning": "It is.", "answer": {"place": "Bonn"}}')
"""What does not fit, its revision, and an independent way to the same."""
PICTURE = "data:image/png;base64,iVBORw0KGgo="
LOOK = "What is on this picture?"
NODE = Path(__file__).with_name("node")


class Place(BaseModel):
    """Somewhere."""

    place: str


def weather(place: str) -> str:
    """Of a place."""
    return f"rain in {place}"


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # LangChain dumps an event of OpenAI's client
@pytest.mark.parametrize("responses", [False, True])
async def test_langchain_answers_streams_calls_and_structures(responses):
    langchain = pytest.importorskip("langchain_openai", reason="pip install langchain-openai")
    script = ScriptedModel([*SOLVED, *SOLVED, CALL, CALL, '{"place": "Bonn"}', *STRUCTURED * 2,
                             "A cat.", "a\nb"])
    async with serving(script) as served, openai.DefaultAsyncHttpxClient() as connections:
        asking = langchain.ChatOpenAI(model=f"critic/{MODEL}", base_url=served.url, api_key="none", max_retries=0,
                                      use_responses_api=responses, http_async_client=connections)
        said = await asking.ainvoke([("system", "Be exact."), ("user", QUESTION)])
        assert said.text == "60" and said.usage_metadata["total_tokens"] > 0
        assert "".join([chunk.text async for chunk in asking.astream(QUESTION)]) == "60"
        calling = asking.bind_tools([weather])
        called = await calling.ainvoke("How is the weather in Bonn?")
        chunks = [chunk async for chunk in calling.astream("How is the weather in Bonn?")]
        for made in (called, sum(chunks[1:], chunks[0])):
            assert [(call["name"], call["args"]) for call in made.tool_calls] == [("weather", {"place": "Bonn"})]
        structured = asking.with_structured_output(Place, method="function_calling")
        assert await structured.ainvoke("Where?") == Place(place="Bonn")
        structured = asking.with_structured_output(Place, method="json_schema", strict=True)
        assert await structured.ainvoke("Where?") == Place(place="Bonn")
        assert [part async for part in structured.astream("Where?")][-1] == Place(place="Bonn")
        plain = asking.bind(model=f"none/{MODEL}", extra_body={"agentfix": {"kind": "text"}})
        shown = [{"type": "text", "text": LOOK}, {"type": "image_url", "image_url": {"url": PICTURE}}]
        assert (await plain.ainvoke([("user", shown)])).text == "A cat."
        assert [image.url for image in script.requests[-1].messages[-1].images] == [PICTURE]
        if not responses:  # the Responses API has no `stop`
            assert (await plain.ainvoke("Go on.", stop=["\n"])).text == "a"
            script.assert_done()


@pytest.mark.parametrize("model", ["OpenAIChatModel", "OpenAIResponsesModel"])
async def test_pydantic_ai_answers_streams_calls_and_structures(model):
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="pip install 'pydantic-ai-slim[openai]'")
    models = pytest.importorskip("pydantic_ai.models.openai")
    providers = pytest.importorskip("pydantic_ai.providers.openai")
    script = ScriptedModel([*SOLVED, *SOLVED, *[CALL, "It rains."] * 2, '{"place": "Bonn"}', *STRUCTURED, "A cat."])
    async with serving(script) as served, openai.DefaultAsyncHttpxClient() as connections:
        provider = providers.OpenAIProvider(base_url=served.url, api_key="none", http_client=connections)
        asking = getattr(models, model)(MODEL, provider=provider)
        assert (await pydantic_ai.Agent(asking).run(QUESTION)).output == "60"
        async with pydantic_ai.Agent(asking).run_stream(QUESTION) as stream:
            assert await stream.get_output() == "60"
        calling = pydantic_ai.Agent(asking, tools=[weather])
        assert (await calling.run("How is the weather?")).output == "It rains."
        async with calling.run_stream("How is the weather?") as stream:
            assert await stream.get_output() == "It rains."
        assert script.requests[-1].messages[-1].content == "rain in Bonn"
        assert (await pydantic_ai.Agent(asking, output_type=Place).run("Where?")).output == Place(place="Bonn")
        native = pydantic_ai.Agent(asking, output_type=pydantic_ai.NativeOutput(Place, strict=True))
        assert (await native.run("Where?")).output == Place(place="Bonn")
        text = {"extra_body": {"agentfix": {"kind": "text"}}}
        shown = [LOOK, pydantic_ai.BinaryContent(b"\x89PNG\r\n\x1a\n", media_type="image/png")]
        plain = getattr(models, model)(f"none/{MODEL}", provider=provider)
        assert (await pydantic_ai.Agent(plain).run(shown, model_settings=text)).output == "A cat."
    script.assert_done()
    assert [image.url for image in script.requests[-1].messages[-1].images] == [PICTURE]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.skipif(not (NODE / "node_modules/openai").is_dir(), reason="npm install --prefix tests/server/node")
async def test_openais_client_for_node_answers_streams_calls_structures_and_goes_on():
    script = ScriptedModel([*SOLVED * 4, CALL, "It rains.", *STRUCTURED * 2, "A cat.", "Hello.", "Zed."])
    async with serving(script) as served:
        process = await asyncio.create_subprocess_exec(
            "node", str(NODE / "client.mjs"), served.url, MODEL, QUESTION, stdout=subprocess.PIPE)
        printed, _ = await process.communicate()
    said = json.loads(printed)
    assert said["answers"] == ["60"] * 4 and said["supported_by"] == "agreement"
    assert (said["call"]["name"], json.loads(said["call"]["arguments"])) == ("weather", {"place": "Bonn"})
    assert said["refused"] == [404, "model_not_found"]
    assert said["told"] == "It rains." and [json.loads(each) for each in said["structured"]] == [{"place": "Bonn"}] * 2
    assert (said["looked"], said["followed"]) == ("A cat.", ["Zed.", "Zed."])
    assert [image.url for image in script.requests[-3].messages[-1].images] == [PICTURE]
    assert "I am Zed." in script.requests[-1].messages[-1].content
    script.assert_done()
